"""The model of a run, its parameters and datasets, as MLflow stores them."""

import json
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, sha256
from src.common.paths import PROCESSED, SPLIT_FOLDERS
from src.config.yaml_files import flat
from src.data.splits import load_dataset_info
from src.models.artifacts import MODEL
from src.models.record import Record, RunConfig
from src.tracking.store import MAX_TEXT

LOADER = Path(__file__).with_name("pyfunc_model.py")  # not imported here: it imports Keras
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy")  # of the model
NAMES_PARAMETER = "class_names_sha256"


def find_model(client: Any, run: Any, record: Record) -> str | None:
    """The id of the complete model of a run, or None.

    A model that was logged with other class names is deleted, because it predicts them.
    """
    source = f"source_run_id = '{run.info.run_id}'"
    for model in client.search_logged_models([run.info.experiment_id], source):
        if model.params.get(NAMES_PARAMETER) != _class_names(record):
            client.delete_logged_model(model.model_id)
        elif model.status == "READY":
            return str(model.model_id)
    return None


def _class_names(record: Record) -> str:
    return json_sha256(record["dataset"]["class_names"])[:12]


def log_model(client: Any, run: Any, folder: Path, record: Record) -> str:
    """Log ``model.keras`` to a run, unchanged and without importing TensorFlow; return its id.

    ``mlflow.pyfunc.log_model`` would load the model to try the example, and link metrics to the
    model without their datasets.
    """
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model, infer_signature

    experiment, run_id, data = run.info.experiment_id, run.info.run_id, record["dataset"]
    settings = parameters(record) | {NAMES_PARAMETER: _class_names(record)}
    logged = client.create_logged_model(experiment, record["name"], run_id, params=settings)
    model_id = str(logged.model_id)
    client.log_outputs(run_id, [LoggedModelOutput(model_id, record["steps"])])
    # No inputs: MLflow's server would change other types to those of the signature, so images that
    # were divided by 255 would be black. The code checks its input.
    outputs = {"class": np.zeros(1, "int64"), "label": np.array(["a"])}
    outputs["probabilities"] = np.zeros((1, data["classes"]), "float32")
    path = _file_of(data, "validation", "images.npy")
    example = np.load(path, mmap_mode="r", allow_pickle=False)[:1] if path else None
    with tempfile.TemporaryDirectory() as parent:
        target = str(Path(parent, "model"))
        mlflow.pyfunc.save_model(
            target,
            mlflow_model=Model(run_id=run_id, model_uuid=model_id, model_id=model_id),
            loader_module=LOADER.stem,
            code_paths=[str(LOADER)],
            data_path=str(folder / MODEL),
            model_config={"class_names": data["class_names"]},
            signature=infer_signature(model_output=outputs),
            input_example=example,  # uint8 [1, H, W]
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        client.log_model_artifacts(model_id, target)
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    return model_id


def dataset_input(data: dict[str, Any], split: str) -> Any:
    """MLflow's description of a split; ``data`` is ``dataset.json``.

    Its digest depends only on the images and labels of the split, if they are here; otherwise it
    is that of the dataset.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    path = _file_of(data, split, "digests.json")
    dataset = Dataset(
        name=f"{data['name']}-{split}",
        digest=(sha256(path) if path else str(data["digest"]))[:8],  # as in MLflow
        source_type="local",
        source=json.dumps({"uri": str(PROCESSED / SPLIT_FOLDERS[split])}),
    )
    context = "training" if split == "train" else split
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _file_of(data: dict[str, Any], split: str, name: str) -> Path | None:
    """A file of a split; None if it is missing, or if ``data/processed`` has other data."""
    path = PROCESSED / SPLIT_FOLDERS[split] / f"{split}_{name}"
    with suppress(PipelineError):
        is_same = load_dataset_info(PROCESSED).get("digest") == data["digest"]
        return path if is_same and path.exists() else None
    return None


def parameters(config: RunConfig) -> dict[str, str]:
    """All settings of a recipe, also those with default values, under the names of
    ``recipes.yaml``; the settings in ``train``; and ``parameter_count``, the number of weights.
    """
    settings = dict(flat(config["recipe"])) | {"parameter_count": config["parameters"]}
    settings |= flat(config["train"], "train.")
    return {
        key: (value if isinstance(value, str) else json.dumps(value))[:MAX_TEXT]
        for key, value in settings.items()
        if value is not None
    }
