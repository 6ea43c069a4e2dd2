"""Checkpoints of a training, written from time to time, from which an interrupted training resumes.

The name of a checkpoint contains hashes of what determines the weights: recipe, settings with the
seed, dataset, code, machine and versions. The checkpoint of the last complete training of a recipe
is kept: if another recipe of the family changes, DVC deletes all outputs of the family, and those
of this recipe are written again from its checkpoint, without training.
"""

import io
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from src.common.files import atomic_file, json_sha256, sha256

if TYPE_CHECKING:
    from src.models.record import Environment, HistoryRow, RunConfig

ROOT = Path(__file__).parents[2]
MIN_INTERVAL_SECONDS = 2.0
MAX_TIME_FRACTION = 0.02  # of the training time, at most, to write checkpoints
WEIGHTS = ".weights"  # suffix of the file with the weights after each row


@cache
def training_code_sha256(root: Path = ROOT) -> str:
    """Return the digest of the Python files that ``dvc.yaml`` lists for the train stage.

    The train stage calls it before it imports them: they can be edited while it runs.
    """
    deps = yaml.safe_load((root / "dvc.yaml").read_text("utf-8"))["stages"]["train"]["do"]["deps"]
    paths = [root / dep for dep in deps if dep.startswith(("src/", "stages/"))]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))]
    return json_sha256({str(file.relative_to(root)): sha256(file) for file in files})


@dataclass
class TrainerState:
    """What a checkpoint contains in addition to the variables of the steps."""

    step: int = 0  # number of completed steps
    loss_sum: float = 0.0  # over the steps since the last row of the history
    seconds: float = 0.0  # of training since the last row
    history: list["HistoryRow"] = field(default_factory=list)  # one row for each validation
    durations: list[float] = field(default_factory=list)  # in seconds, of each row
    complete: bool = False  # see Trainer


class Checkpoint:
    """The files of one training in the folder of all checkpoints.

    One contains the state and the variables. If the plan says ``keep_epochs``, another one contains
    the weights after each row of the history, as float32 without a header: together they can be
    larger than the memory. Two processes can run the same training: the first file is replaced as a
    whole, and both write the same bytes to the same places of the second.
    """

    def __init__(self, folder: Path, config: "RunConfig", environment: "Environment") -> None:
        data = config["dataset"]["digest"], config["dataset"]["classes"]
        key = json_sha256([config["recipe_sha256"], config["keep_epochs"], *data, config["code"]])
        self.folder, self.name = folder, config["name"]
        self._path = folder / f"{self.name}-{key[:16]}-{json_sha256(environment)[:8]}.npz"
        self._weights_file = self._path.with_suffix(WEIGHTS)
        self._keeps_epochs, self._parameters = config["keep_epochs"], config["parameters"]
        self._due = time.perf_counter() + MIN_INTERVAL_SECONDS

    def exists(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return self._path.exists()

    def is_complete(self) -> bool:
        """Whether the checkpoint is of a complete training."""
        return _is_complete(self._path)

    def is_due(self) -> bool:
        """Whether it is time to write the next checkpoint."""
        return time.perf_counter() > self._due

    def save(self, state: TrainerState, variables: Sequence[Any]) -> None:
        """Replace the checkpoint by the state and the variables; on failure it is unchanged.

        Arrays, such as the best weights, can be among the variables.
        """
        started = time.perf_counter()
        with atomic_file(self._path) as partial:
            np.savez(partial, *map(np.asarray, variables), state=np.array(json.dumps(vars(state))))
        cost = time.perf_counter() - started
        self._due = time.perf_counter() + max(MIN_INTERVAL_SECONDS, cost / MAX_TIME_FRACTION)

    def read(self) -> bytes | None:
        """Return the content of the checkpoint for ``load``; None if there is none.

        A checkpoint that is damaged, or lacks the weights of earlier epochs, is removed, with a
        message.
        """
        if not self.exists():
            return None
        content = self._path.read_bytes()
        try:
            state, _ = _parse(content)
            if state.history:
                self.kept_weights(len(state.history))  # fails if the file is too short
        except Exception as error:  # the readers of zip, npy and JSON raise many types
            reason = f"the checkpoint cannot be read ({type(error).__name__})"
            print(f"{self.name}: {reason}; starting from step 0", file=sys.stderr)
            self._path.unlink(missing_ok=True)
            return None
        return content

    def keep_weights(self, row: int, weights: Sequence[np.ndarray]) -> None:
        """Write the weights after a row of the history, if the plan says ``keep_epochs``.

        Args:
            row: counted from 0.
            weights: ``model.get_weights()``.
        """
        if not self._keeps_epochs:
            return
        values = np.concatenate([part.ravel() for part in weights], dtype="<f4")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._weights_file.touch()
        with self._weights_file.open("r+b") as file:
            file.seek(row * values.nbytes)
            file.write(values.data)

    def kept_weights(self, rows: int) -> np.ndarray | None:
        """Map the weights after each row, ``float32 [rows, weights]``, if they are kept."""
        if not self._keeps_epochs:
            return None
        return np.memmap(self._weights_file, "<f4", "r", shape=(rows, self._parameters))

    def remove_others(self) -> None:
        """Remove the files of other complete trainings of the recipe."""
        for path in self.folder.glob(f"{self.name}-*.npz"):
            if path != self._path and _is_complete(path):
                path.unlink(missing_ok=True)
                path.with_suffix(WEIGHTS).unlink(missing_ok=True)


def load(content: bytes, variables: Sequence[Any]) -> tuple[TrainerState, list[np.ndarray]]:
    """Assign the first arrays in the content of a checkpoint to ``variables``.

    Return its state, and the remaining arrays.
    """
    state, values = _parse(content)
    for variable, value in zip(variables, values, strict=False):
        variable.assign(value)
    return state, values[len(variables) :]


def _parse(content: bytes) -> tuple[TrainerState, list[np.ndarray]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        values = [saved[f"arr_{index}"] for index in range(len(saved.files) - 1)]
        return TrainerState(**json.loads(str(saved["state"]))), values


def _is_complete(path: Path) -> bool:
    # Missing, damaged, or being replaced: the readers of zip, npy and JSON raise many types.
    with suppress(Exception), np.load(path, allow_pickle=False) as saved:
        return bool(json.loads(str(saved["state"]))["complete"])
    return False
