"""The splits of a dataset as MLflow's datasets, to which a run and its metrics are linked."""

import json
from contextlib import suppress
from typing import Any

import numpy as np

from src.common.errors import PipelineError
from src.common.files import json_sha256, read_json
from src.common.paths import PROCESSED, SPLIT_FOLDERS
from src.data.splits import load_dataset_info

# What MLflow's UI shows next to a dataset, by split.
CONTEXTS = {"train": "training", "validation": "validation", "test": "test"}
CONTEXT = "mlflow.data.context"


def split_of(metric: str) -> str:
    """The split that a metric such as ``val_loss`` was measured on."""
    prefixes = {"val_": "validation", "test_": "test"}
    return next((split for prefix, split in prefixes.items() if metric.startswith(prefix)), "train")


def dataset_input(data: dict[str, Any], split: str) -> Any:
    """MLflow's description of a split; ``data`` is ``dataset.json``.

    Its digest depends only on the images and labels of the split.
    """
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types import Schema, TensorSpec

    images = TensorSpec(np.dtype("uint8"), (-1, data["height"], data["width"]), "images")
    labels = TensorSpec(np.dtype("uint8"), (-1,), "labels")
    schema = TensorDatasetSchema(Schema([images]), Schema([labels])).to_dict()
    count = data["counts"].get(split)
    dataset = Dataset(
        f"{data['name']}-{split}",
        _digest(data, split),
        "local",
        json.dumps({"uri": str(PROCESSED / SPLIT_FOLDERS[split])}),
        json.dumps(schema),
        json.dumps({"num_rows": count}) if count else None,
    )
    return DatasetInput(dataset, [InputTag(CONTEXT, CONTEXTS[split])])


def logged_splits(run: Any) -> dict[str, Any]:
    """The datasets of a run by split."""
    by_context = {
        tag.value: each.dataset
        for each in run.inputs.dataset_inputs
        for tag in each.tags
        if tag.key == CONTEXT
    }
    return {split: by_context[name] for split, name in CONTEXTS.items() if name in by_context}


def example_image(data: dict[str, Any]) -> np.ndarray | None:
    """The first validation image, ``uint8 [1, H, W]``; None if the data is not here."""
    path = PROCESSED / SPLIT_FOLDERS["validation"] / "validation_images.npy"
    with suppress(PipelineError, OSError, ValueError):
        if _is_here(data):
            return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[:1])
    return None


def _digest(data: dict[str, Any], split: str) -> str:
    """Of the content, if it is here; otherwise that of the dataset. 8 characters, as in MLflow."""
    with suppress(PipelineError):
        if _is_here(data):
            path = PROCESSED / SPLIT_FOLDERS[split] / f"{split}_digests.json"
            return json_sha256(read_json(path, "preprocess"))[:8]
    return str(data["digest"])[:8]


def _is_here(data: dict[str, Any]) -> bool:
    return load_dataset_info(PROCESSED).get("digest") == data["digest"]
