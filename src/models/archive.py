"""Writes Keras' archive so that the same model gives the same bytes.

Keras writes the time into the archive. For some models, such as ``cnn``, it also writes addresses
in memory, as the ids of shared objects.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

if TYPE_CHECKING:
    import keras

METADATA, CONFIG = "metadata.json", "config.json"
SHARED = "shared_object_id"  # objects with the same id are one object after loading
EARLIEST = (1980, 1, 1, 0, 0, 0)  # of the zip format


def save_model(model: "keras.Model", path: Path) -> None:
    """Write a model to ``path``, which ends in ``.keras``; Keras' own loader reads it."""
    original = path.with_name("original.keras")
    model.save(original)
    with ZipFile(original) as source, ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == METADATA:
                metadata = json.loads(content)
                del metadata["date_saved"]
                content = json.dumps(metadata).encode()
            if name == CONFIG:
                content = json.dumps(numbered(json.loads(content), {})).encode()
            target.writestr(ZipInfo(name, EARLIEST), content)
    original.unlink()


def numbered(config: Any, ids: dict[int, int]) -> Any:
    """A copy of ``config`` with ids of shared objects that count from 1, in order of appearance.

    ``ids`` receives the new number of each id.
    """
    if isinstance(config, list):
        return [numbered(each, ids) for each in config]
    if not isinstance(config, dict):
        return config
    copy = {key: numbered(value, ids) for key, value in config.items()}
    if copy.get(SHARED) is not None:
        copy[SHARED] = ids.setdefault(copy[SHARED], len(ids) + 1)
    return copy
