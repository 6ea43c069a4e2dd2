"""A trained model as MLflow keeps it: one that ``mlflow.pyfunc`` and ``mlflow.keras`` load."""

import tempfile
from pathlib import Path

from src.models.artifacts import MODEL
from src.models.record import Record

IMAGE_CLASSIFIER = str(Path(__file__).with_name("pyfunc_model.py"))  # not imported here


def model_id(run) -> str | None:
    """The id of a run's logged model."""
    models = run.outputs.model_outputs if run.outputs else []
    return models[0].model_id if models else None


def fill(client, model, folder: Path, record: Record) -> None:
    """Do what ``mlflow.keras.log_model`` does, without loading TensorFlow and the model for it.

    The bytes that were trained are the bytes that are logged.
    """
    import mlflow.pyfunc
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    data, versions = record["dataset"], record["versions"] | {"mlflow": mlflow.__version__}
    images = TensorSpec(np.dtype("uint8"), (-1, data["height"], data["width"]))
    digit = TensorSpec(np.dtype("int64"), (-1,), "digit")
    shares = TensorSpec(np.dtype("float32"), (-1, data["classes"]), "probabilities")
    description = Model(
        model.artifact_location,
        model.source_run_id,
        model_id=model.model_id,
        model_uuid=model.model_id,
    )
    description.add_flavor(  # for mlflow.keras.load_model, which gives the Keras model itself
        "keras",
        data="data",
        keras_backend="tensorflow",
        keras_version=versions["keras"],
        save_exported_model=False,
    )
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.pyfunc.save_model(
            f"{scratch}/model",
            loader_module=Path(IMAGE_CLASSIFIER).stem,
            code_paths=[IMAGE_CLASSIFIER],
            data_path=str(folder / MODEL),
            mlflow_model=description,
            signature=ModelSignature(Schema([images]), Schema([digit, shares])),
            pip_requirements=[
                f"{name}=={versions[name]}" for name in ("mlflow", "tensorflow", "keras", "numpy")
            ],
        )
        client.log_model_artifacts(model.model_id, f"{scratch}/model")
    client.finalize_logged_model(model.model_id, "READY")
