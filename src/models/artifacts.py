"""Writes and reads the output files of a training run, ``models/<family>/<recipe>/``.

These are ``model.keras``, ``history.csv`` (one row for each validation), ``training.json`` (the
record), and ``weights_by_epoch.npy`` for recipes with published test accuracies for each epoch.
The functions that read them raise a ``PipelineError`` if a file is missing or damaged.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

import numpy as np

from src.common.errors import PipelineError
from src.common.files import read_json, write_json
from src.common.paths import MODELS
from src.data.splits import read_rows
from src.models.record import Record, RunConfig, TrainingResult

if TYPE_CHECKING:
    import keras

RECORD = "training.json"
MODEL = "model.keras"
HISTORY = "history.csv"
BY_EPOCH = "weights_by_epoch.npy"
SHARED = "shared_object_id"  # of Keras' archive: equal ids are one object after loading
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of the zip format


def save(folder: Path, run_config: RunConfig, training: TrainingResult) -> Record:
    """Write the result of a training into the empty ``folder``, and return ``training.json``."""
    save_model(training.model, folder / MODEL)
    if training.weights_by_epoch is not None:
        np.save(folder / BY_EPOCH, training.weights_by_epoch)
    with (folder / HISTORY).open("w", newline="") as file:
        writer = csv.DictWriter(file, training.history[0])
        writer.writeheader()
        writer.writerows(training.history)
    row = training.row
    record: Record = {
        **run_config,
        "steps": row["step"],
        "epochs": row["epoch"],
        "val_accuracy": row["val_accuracy"],
        "val_loss": row["val_loss"],
        "weights_sha256": weights_sha256(training.model),
        **training.scores,
    }
    write_json(folder / RECORD, record)
    return record


def save_model(model: "keras.Model", path: Path) -> None:
    """Write a model to ``path``, which ends in ``.keras``: the same model gives the same bytes.

    Keras itself writes the time into the archive and, for some models, such as ``cnn``, addresses
    in memory, as the ids of shared objects. Keras' own loader reads the result.
    """
    original = path.with_name("original.keras")
    model.save(original)
    with ZipFile(original) as source, ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                metadata = json.loads(content)
                del metadata["date_saved"]
                content = json.dumps(metadata).encode()
            if name == "config.json":
                content = json.dumps(_with_numbers_as_ids(content)).encode()
            target.writestr(ZipInfo(name, EARLIEST), content)
    original.unlink()


def _with_numbers_as_ids(config: bytes) -> Any:
    """Read JSON, with ids of shared objects that count from 1, in order of appearance."""
    numbers: dict[int, int] = {}

    def with_number(block: dict[str, Any]) -> dict[str, Any]:
        if block.get(SHARED) is not None:
            block[SHARED] = numbers.setdefault(block[SHARED], len(numbers) + 1)
        return block

    return json.loads(config, object_hook=with_number)


def summary(record: Record, training: TrainingResult) -> str:
    """Describe the result of a training in one line."""
    return (
        f"{record['name']}: validation accuracy {record['val_accuracy']:.4f} at epoch "
        f"{round(record['epochs'], 2):,g} after {sum(training.seconds):.1f} s, weights "
        f"{record['weights_sha256'][:12]}"
    )


def weights_sha256(model: "keras.Model") -> str:
    """The SHA-256 of the dtype, shape and bytes of each weight, in the order of the model."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(f"{weights.dtype}{weights.shape}".encode())
        digest.update(np.ascontiguousarray(weights).data)
    return digest.hexdigest()


def trained_folders() -> list[Path]:
    """The folders of the trained recipes, sorted by the names of the recipes."""
    records = MODELS.glob(f"*/*/{RECORD}")
    return sorted((path.parent for path in records), key=lambda folder: folder.name)


def load_record(folder: Path) -> Record:
    """Read ``training.json``."""
    record = read_json(folder / RECORD, f"train@{folder.parent.name}")
    present = record.keys() if isinstance(record, dict) else set()
    if missing := sorted(Record.__required_keys__ - present):
        raise _damaged(folder / RECORD, ValueError(f"missing: {', '.join(missing)}"))
    return record


def load_history(folder: Path) -> list[dict[str, float]]:
    """Read ``history.csv`` as one dictionary per row."""
    path = folder / HISTORY
    try:
        with path.open(newline="") as file:
            return [{key: float(row[key]) for key in row} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def load_model(folder: Path, weights: str) -> "keras.Model":
    """Read ``model.keras``; only layers of Keras are accepted, and no code in the file is run.

    ``weights`` is the expected ``weights_sha256``; other weights are an error.
    """
    from src.common.tensorflow import keras

    path = folder / MODEL
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many types: OSError, KeyError, BadZipFile …
        raise _damaged(path, error) from None
    if weights_sha256(model) != weights:
        raise _damaged(path, ValueError(f"its weights are not those of {RECORD}"))
    return model


def load_weights_by_epoch(
    folder: Path, model: "keras.Model"
) -> tuple[int, Iterator[list[np.ndarray]]]:
    """Return the number of rows of the history, and read the weights of one after another.

    The weights of a row are an argument for ``model.set_weights``. There are no rows if the
    training did not keep them.
    """
    path = folder / BY_EPOCH
    if not path.exists():
        return 0, iter(())
    shapes = [weights.shape for weights in model.get_weights()]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, error) from None

    def read() -> Iterator[list[np.ndarray]]:
        for index in range(len(rows)):
            row = np.empty((1, ends[-1]), np.float32)
            read_rows(rows, index, row)
            parts = zip(np.split(row[0], ends[:-1]), shapes, strict=True)
            yield [part.reshape(shape) for part, shape in parts]

    return len(rows), read()


def _damaged(path: Path, error: Exception) -> PipelineError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return PipelineError(
        f"{path} cannot be read ({reason}); run `dvc repro -f train@{path.parts[-3]}` to create "
        f"the model again, or `dvc pull {path.parent}` to get it from a DVC remote"
    )
