"""The trained model of a run, which ``mlflow.pyfunc`` loads."""

from pathlib import Path
from typing import Any

from src.models.artifacts import MODEL
from src.models.record import Record

CODE = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras


def model_id(run: Any) -> str | None:
    """The id of a run's model in MLflow."""
    models = run.outputs.model_outputs if run.outputs else []
    return models[0].model_id if models else None


def log_model(folder: Path, record: Record) -> None:
    """Log ``model.keras`` to MLflow's active run, unchanged and without importing TensorFlow.

    MLflow links the metrics of the last step to the model.

    Args:
        folder: the recipe's folder in ``models/``.
        record: its ``training.json``.
    """
    import mlflow.pyfunc
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    data, versions = record["dataset"], record["versions"] | {"mlflow": mlflow.__version__}
    images = TensorSpec(np.dtype("uint8"), (-1, data["height"], data["width"]))
    digit = TensorSpec(np.dtype("int64"), (-1,), "digit")
    probabilities = TensorSpec(np.dtype("float32"), (-1, data["classes"]), "probabilities")
    mlflow.pyfunc.log_model(
        name="model",
        loader_module=CODE.stem,
        code_paths=[str(CODE)],
        data_path=str(folder / MODEL),
        signature=ModelSignature(Schema([images]), Schema([digit, probabilities])),
        pip_requirements=[
            f"{name}=={versions[name]}" for name in ("mlflow", "tensorflow", "keras", "numpy")
        ],
        step=record["steps"],
    )
