"""Checkpoints of a training, written from time to time, from which an interrupted training resumes.

The name of a checkpoint contains hashes of everything that determines the weights: recipe, dataset
and code; machine and versions. The checkpoint of the last complete training of a recipe is kept:
if another recipe of its family changes, its outputs are written from there, without training.
"""

import io
import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from src.common.files import json_sha256, sha256

if TYPE_CHECKING:
    from src.models.record import Environment, RunConfig

ROOT = Path(__file__).parents[2]
MIN_INTERVAL_SECONDS = 2.0
MAX_TIME_FRACTION = 0.02  # of the training time that is used to write checkpoints
KEPT = ".weights"  # suffix of the file next to a checkpoint with the weights of each epoch


def training_code(root: Path = ROOT) -> dict[str, str]:
    """Return the SHA-256 of each Python file that ``dvc.yaml`` lists for the train stage."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text("utf-8"))["stages"]
    code = [dep for dep in stages["train"]["do"]["deps"] if dep.startswith(("src/", "stages/"))]
    files = [file for dep in code for file in root.glob(f"{dep}/**/*.py")]
    files += [root / dep for dep in code if dep.endswith(".py")]
    return {str(file.relative_to(root)): sha256(file) for file in files}


@cache
def training_code_sha256() -> str:
    """The digest of the code as it was at the first call: before its modules are imported."""
    return json_sha256(training_code())


class Checkpoint:
    """The checkpoint file of one training, in the folder of all checkpoints."""

    def __init__(self, folder: Path, config: "RunConfig", environment: "Environment") -> None:
        training = config["recipe_sha256"], config["keep_epochs"], config["dataset"]["digest"]
        key = json_sha256([training, training_code_sha256()])
        self.folder, self.name = folder, config["name"]
        self._path = folder / f"{self.name}-{key[:16]}-{json_sha256(environment)[:8]}.npz"
        self._written, self._cost = time.perf_counter(), 0.0

    @property
    def kept_weights(self) -> Path:
        """The file for the weights after each row of the history; see ``KeptWeights``."""
        return self._path.with_suffix(KEPT)

    def exists(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return self._path.exists()

    def due(self) -> bool:
        """Whether it is time to write the next checkpoint."""
        elapsed = time.perf_counter() - self._written
        return elapsed > max(MIN_INTERVAL_SECONDS, self._cost / MAX_TIME_FRACTION)

    def save(self, state: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
        """Replace the checkpoint by ``state`` (JSON) and ``arrays``; on failure it is unchanged."""
        started = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        # Two experiments can train the same recipe at the same time: each writes its own file.
        partial = self._path.with_name(f".{self._path.stem}.{uuid.uuid4().hex}.partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, *arrays, state=np.array(json.dumps(state)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._path)
        finally:
            partial.unlink(missing_ok=True)
        self._written = time.perf_counter()
        self._cost = self._written - started

    def read(self) -> bytes | None:
        """Return the content of the file; None if there is no checkpoint."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def load(self, content: bytes | None) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """Return the state and arrays in the content of a checkpoint.

        Returns None if there is no content, or if it is damaged; then the file is removed.
        """
        if content is None:
            return None
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                state = json.loads(str(saved["state"]))
                return state, [saved[f"arr_{index}"] for index in range(len(saved.files) - 1)]
        except Exception as error:  # the readers of zip, npy and JSON raise many types
            self.discard(f"cannot be read ({type(error).__name__})")
            return None

    def discard(self, reason: str) -> None:
        """Remove a checkpoint that cannot be used, and print the reason."""
        print(f"{self.name}: the checkpoint {reason}; starting from step 0", file=sys.stderr)
        self._path.unlink(missing_ok=True)

    def is_complete(self) -> bool:
        """Whether the checkpoint is of a complete training."""
        return _is_complete(self._path)

    def remove_others(self) -> None:
        """Remove the files of other complete trainings of the recipe."""
        for path in self.folder.glob(f"{self.name}-*.npz"):
            if path != self._path and _is_complete(path):
                path.unlink(missing_ok=True)
                path.with_suffix(KEPT).unlink(missing_ok=True)


def _is_complete(path: Path) -> bool:
    # Missing, damaged, or being replaced: the readers of zip, npy and JSON raise many types.
    with suppress(Exception), np.load(path, allow_pickle=False) as saved:
        return bool(json.loads(str(saved["state"]))["complete"])
    return False
