"""Writes Keras' archive without a time, so that the same model gives the same bytes."""

import json
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

if TYPE_CHECKING:
    import keras

METADATA = "metadata.json"
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
            target.writestr(ZipInfo(name, EARLIEST), content)
    original.unlink()
