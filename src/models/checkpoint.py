"""Where a training stood: written now and then, so that an interrupted one goes on from there.

A checkpoint belongs to one training alone: its name is a digest of the recipe, the data, and the
code and libraries that train. The last one, of the complete training, stays until ``evaluate``:
that stage begins when DVC has the results in its cache. Killed before, DVC trains again.
"""

import io
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from src.common.files import atomic_file, json_sha256, sha256

if TYPE_CHECKING:
    from src.models.record import RunConfig

ROOT = Path(__file__).parents[2]
# Of the record, beside the data's digest: what the weights depend on.
IDENTITY = (
    *("recipe_sha256", "keep_epochs", "versions"),
    *("device", "compile", "precision", "strategy", "buffer_size"),
)
SECONDS = 2.0  # at least so long between two
SHARE = 0.02  # of the time, at most, goes into writing them
STALE_SECONDS = 7 * 24 * 3600


def training_code() -> list[Path]:
    """The files of code that the train stage depends on, as ``dvc.yaml`` lists them."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    code = [dep for dep in stages["train"]["do"]["deps"] if dep.startswith(("src/", "stages/"))]
    return [file for dep in code for file in sorted(ROOT.glob(f"{dep}/**/*.py")) or [ROOT / dep]]


class Checkpoint:
    """The file that one training goes on from.

    Args:
        folder: of all checkpoints; made if need be.
        record: what ``training.json`` says, or will say, of the training.
    """

    def __init__(self, folder: Path, record: "RunConfig") -> None:
        code = [sha256(path) for path in training_code()]
        training = [record[key] for key in IDENTITY], record["dataset"]["digest"]
        key = json_sha256([training, code, platform.machine()])
        self.folder, self.name = folder, record["name"]
        self._path = folder / f"{self.name}-{key[:16]}.npz"
        self._written, self._cost = time.perf_counter(), 0.0

    def exists(self) -> bool:
        """Whether the training was interrupted and can go on."""
        return self._path.exists()

    def due(self) -> bool:
        """Whether it is time to write another."""
        since = time.perf_counter() - self._written
        return since > max(SECONDS, self._cost / SHARE)

    def save(self, state: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
        """Replace the checkpoint by ``state`` (JSON) and ``arrays``, whole or not at all."""
        started = time.perf_counter()
        with atomic_file(self._path) as partial, partial.open("wb") as file:
            np.savez(file, *arrays, state=np.array(json.dumps(state)))
            file.flush()
            os.fsync(file.fileno())
        self._written = time.perf_counter()
        self._cost = self._written - started

    def read(self) -> bytes | None:
        """The file that ``save`` wrote last; none if there is none."""
        return self._path.read_bytes() if self._path.exists() else None

    def load(self, content: bytes | None) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """What ``save`` was given, from what ``read`` gave; none if that cannot be understood."""
        if content is None:
            return None
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                state = json.loads(str(saved["state"]))
                return state, [saved[f"arr_{index}"] for index in range(len(saved.files) - 1)]
        except Exception as error:  # whatever zip, npy and JSON readers raise
            self.discard(f"cannot be read ({type(error).__name__})")
            return None

    def discard(self, reason: str) -> None:
        """Remove a checkpoint that is of no use, and say so."""
        print(f"{self.name}: the checkpoint {reason}; starting anew", file=sys.stderr)
        self._path.unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove a checkpoint that is needed no more, and any that is long forgotten."""
        self._path.unlink(missing_ok=True)
        for path in self.folder.glob("*.npz"):
            with suppress(FileNotFoundError):  # another training has just renamed or removed it
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
