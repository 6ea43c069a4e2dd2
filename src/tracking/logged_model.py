"""The model of a run in MLflow, which ``mlflow.pyfunc`` loads."""

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.models.artifacts import MODEL
from src.models.record import Record
from src.tracking.datasets import example_image

CODE = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras
SOURCE = ("mlflow.user", "mlflow.source.")  # tags of the run that its model gets
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")  # of the model


def log_model(client: Any, run: Any, folder: Path, record: Record) -> str:
    """Log ``model.keras`` to a run, unchanged and without importing TensorFlow; return its id.

    ``mlflow.pyfunc.log_model`` does the same, but it links metrics to the model without their
    datasets, and loads the model to try the example.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    tags = {key: value for key, value in run.data.tags.items() if key.startswith(SOURCE)}
    model = client.create_logged_model(
        run.info.experiment_id, "model", run.info.run_id, tags, dict(run.data.params)
    )
    client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, record["steps"])])
    description = Model(
        artifact_path=model.artifact_location,
        run_id=run.info.run_id,
        model_uuid=model.model_id,
        model_id=model.model_id,
        metadata={
            "input": "uint8 [N, {height}, {width}], light on dark".format_map(record["dataset"])
        },
    )
    with tempfile.TemporaryDirectory() as parent:
        _save(Path(parent, "model"), description, folder, record["dataset"])
        client.log_model_artifacts(model.model_id, str(Path(parent, "model")))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return str(model.model_id)


def _save(target: Path, description: Any, folder: Path, data: dict[str, Any]) -> None:
    """Write the folder of a model, with an example of its input if the data is here."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    number = TensorSpec(np.dtype("int64"), (-1,), "class")
    label = TensorSpec(np.dtype("str"), (-1,), "label")
    probabilities = TensorSpec(np.dtype("float32"), (-1, data["classes"]), "probabilities")
    mlflow.pyfunc.save_model(
        str(target),
        mlflow_model=description,
        loader_module=CODE.stem,
        code_paths=[str(CODE)],
        data_path=str(folder / MODEL),
        model_config={"class_names": data["class_names"]},
        # Without inputs: MLflow's server would change other types to those of the signature.
        signature=ModelSignature(outputs=Schema([number, label, probabilities])),
        input_example=example_image(data),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
    )
