"""The model of a run in MLflow, which ``mlflow.pyfunc`` loads, and the datasets of a run."""

import json
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import PipelineError
from src.common.files import sha256
from src.common.paths import PROCESSED, SPLIT_FOLDERS
from src.data.splits import load_dataset_info
from src.models.artifacts import MODEL
from src.models.record import Record

CODE = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")  # of the model


def ready_model(client: Any, run: Any) -> str | None:
    """The id of the complete model of a run; None if there is none, or if it was deleted."""
    models = client.search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    return next((str(model.model_id) for model in models if model.status == "READY"), None)


def log_model(client: Any, run: Any, folder: Path, record: Record) -> str:
    """Log ``model.keras`` to a run, unchanged and without importing TensorFlow; return its id.

    ``mlflow.pyfunc.log_model`` does the same, but it links metrics to the model without their
    datasets, and loads the model to try the example.
    """
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model, ModelSignature

    info, data = run.info, record["dataset"]
    model = client.create_logged_model(
        info.experiment_id, "model", info.run_id, params=dict(run.data.params)
    )
    client.log_outputs(info.run_id, [LoggedModelOutput(model.model_id, record["steps"])])
    with tempfile.TemporaryDirectory() as parent:
        target = str(Path(parent, "model"))
        mlflow.pyfunc.save_model(
            target,
            mlflow_model=Model(
                run_id=info.run_id, model_uuid=model.model_id, model_id=model.model_id
            ),
            loader_module=CODE.stem,
            code_paths=[str(CODE)],
            data_path=str(folder / MODEL),
            model_config={"class_names": data["class_names"]},
            # Without inputs: MLflow's server would change other types to those of the signature,
            # so images that were divided by 255 would be black. The code checks its input.
            signature=ModelSignature(outputs=_outputs(data["classes"])),
            input_example=_example_image(data),
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        client.log_model_artifacts(model.model_id, target)
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return str(model.model_id)


def _outputs(classes: int) -> Any:
    from mlflow.types import Schema, TensorSpec

    number = TensorSpec(np.dtype("int64"), (-1,), "class")
    label = TensorSpec(np.dtype("str"), (-1,), "label")
    return Schema([number, label, TensorSpec(np.dtype("float32"), (-1, classes), "probabilities")])


def dataset_input(data: dict[str, Any], split: str) -> Any:
    """MLflow's description of a split; ``data`` is ``dataset.json``.

    Its digest depends only on the images and labels of the split, if they are here; otherwise it
    is that of the dataset.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    folder, digest = PROCESSED / SPLIT_FOLDERS[split], str(data["digest"])
    with suppress(OSError):
        if _is_here(data):
            digest = sha256(folder / f"{split}_digests.json")
    count = data["counts"].get(split)
    dataset = Dataset(
        name=f"{data['name']}-{split}",
        digest=digest[:8],  # as in MLflow
        source_type="local",
        source=json.dumps({"uri": str(folder)}),
        profile=json.dumps({"num_rows": count}) if count else None,
    )
    context = "training" if split == "train" else split
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _example_image(data: dict[str, Any]) -> np.ndarray | None:
    """The first validation image, ``uint8 [1, H, W]``; None if the data is not here."""
    path = PROCESSED / SPLIT_FOLDERS["validation"] / "validation_images.npy"
    with suppress(OSError, ValueError):
        if _is_here(data):
            return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[:1])
    return None


def _is_here(data: dict[str, Any]) -> bool:
    with suppress(PipelineError):
        return bool(load_dataset_info(PROCESSED).get("digest") == data["digest"])
    return False
