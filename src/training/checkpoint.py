"""Checkpoints of a training, written from time to time, from which an interrupted training resumes.

The name of a checkpoint contains hashes of everything that determines the weights: recipe, dataset
and code; machine and versions. The checkpoint of the last complete training of a recipe is kept:
if another recipe of its family changes, its outputs are written from there, without training.
"""

import io
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import yaml

from src.common.files import json_sha256, sha256

if TYPE_CHECKING:
    from src.models.record import Environment, HistoryRow, RunConfig

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


@dataclass
class TrainerState:
    """What a checkpoint contains in addition to the variables of the steps."""

    step: int = 0  # number of completed steps
    losses: float = 0.0  # sum over the steps since the last row of the history
    seconds: float = 0.0  # of training since the last row
    history: list["HistoryRow"] = field(default_factory=list)  # one row for each validation
    durations: list[float] = field(default_factory=list)  # in seconds, of each row
    complete: bool = False  # no step is left


class Checkpoint:
    """The checkpoint file of one training, in the folder of all checkpoints."""

    def __init__(self, folder: Path, config: "RunConfig", environment: "Environment") -> None:
        data = config["dataset"]["digest"], config["dataset"]["classes"]
        key = json_sha256([config["recipe_sha256"], config["keep_epochs"], *data, config["code"]])
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

    def is_complete(self) -> bool:
        """Whether the checkpoint is of a complete training."""
        return _is_complete(self._path)

    def due(self) -> bool:
        """Whether it is time to write the next checkpoint."""
        elapsed = time.perf_counter() - self._written
        return elapsed > max(MIN_INTERVAL_SECONDS, self._cost / MAX_TIME_FRACTION)

    def save(self, state: TrainerState, variables: Sequence[Any]) -> None:
        """Replace the checkpoint by the state and the variables; on failure it is unchanged."""
        started = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        # Two experiments can train the same recipe at the same time: each writes its own file.
        partial = self._path.with_name(f".{self._path.stem}.{uuid.uuid4().hex}.partial")
        try:
            with partial.open("wb") as file:
                np.savez(file, *map(np.asarray, variables), state=np.array(json.dumps(vars(state))))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._path)
        finally:
            partial.unlink(missing_ok=True)
        self._written = time.perf_counter()
        self._cost = self._written - started

    def read(self, kept: "KeptWeights | None") -> bytes | None:
        """Return the content of the file, if the kept weights that belong to it are there."""
        if not self._path.exists():
            return None
        content = self._path.read_bytes()
        if kept and (saved := self._parse(content)) and not kept.restore(len(saved[0].history)):
            self.discard("lacks the weights of earlier epochs")
            return None
        return content

    def load(self, content: bytes, variables: Sequence[Any]) -> TrainerState | None:
        """Return the state in the content of a checkpoint, and assign its values to ``variables``.

        Returns None, and changes nothing, if the content is damaged; then the file is removed.
        """
        if not (saved := self._parse(content)):
            return None
        state, values = saved
        if [tuple(each.shape) for each in variables] != [value.shape for value in values]:
            self.discard("does not fit this training")
            return None
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return state

    def _parse(self, content: bytes) -> tuple[TrainerState, list[np.ndarray]] | None:
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                state = TrainerState(**json.loads(str(saved["state"])))
                return state, [saved[f"arr_{index}"] for index in range(len(saved.files) - 1)]
        except Exception as error:  # the readers of zip, npy and JSON raise many types
            self.discard(f"cannot be read ({type(error).__name__})")
            return None

    def discard(self, reason: str) -> None:
        """Remove a checkpoint that cannot be used, and print the reason."""
        print(f"{self.name}: the checkpoint {reason}; starting from step 0", file=sys.stderr)
        self._path.unlink(missing_ok=True)

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


class KeptWeights:
    """The weights after each row of a history, in a file: together they can be larger than memory.

    The file contains float32 values without a header. Two trainings with the same checkpoint may
    use it at the same time: they write the same bytes to the same places.

    Args:
        path: the file, which remains after the training; None for a temporary file.
        count: the number of weights of the model.
    """

    def __init__(self, path: Path | None, count: int) -> None:
        self.rows, self._count = 0, count
        if path is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115, open as long as self
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")

    def append(self, weights: Sequence[np.ndarray]) -> None:
        """Write a row: the result of ``model.get_weights()``."""
        self._file.seek(4 * self.rows * self._count)
        for each in weights:
            self._file.write(np.ascontiguousarray(each, "<f4").data.cast("B"))
        self.rows += 1

    def flush(self) -> None:
        """Return when all rows are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def restore(self, rows: int) -> bool:
        """Continue after ``rows`` rows of an earlier process; return whether the file has them."""
        is_complete = self._file.seek(0, os.SEEK_END) >= 4 * rows * self._count
        self.rows = rows if is_complete else 0
        return is_complete

    def save(self, path: Path) -> None:
        """Write all rows to an ``.npy`` file, ``float32 [rows, weights]``."""
        self._file.flush()
        np.save(path, np.memmap(self._file, "<f4", "r", shape=(self.rows, self._count)))
