"""The state of a training, and its checkpoints."""

from dataclasses import dataclass, field

import numpy as np

from src.models.checkpoint import Checkpoint
from src.models.record import HistoryRow
from src.training.steps import Steps


@dataclass
class TrainerState:
    """What a checkpoint contains in addition to the variables of the steps."""

    step: int = 0  # number of completed steps
    losses: float = 0.0  # sum over the steps since the last row of the history
    seconds: float = 0.0  # of training since the last row
    history: list[HistoryRow] = field(default_factory=list)  # one row for each validation
    durations: list[float] = field(default_factory=list)  # in seconds, of each row
    complete: bool = False  # no step is left

    def save(self, checkpoint: Checkpoint, steps: Steps) -> None:
        """Write a checkpoint."""
        checkpoint.save(vars(self), [np.asarray(variable) for variable in steps.variables()])

    def restore(self, content: bytes | None, checkpoint: Checkpoint, steps: Steps) -> bool:
        """Restore this state and the variables of the steps from the content of a checkpoint.

        Returns whether there was a valid checkpoint. A checkpoint that does not fit is removed.
        """
        saved = checkpoint.load(content)
        if saved is None:
            return False
        state, values = saved
        variables = steps.variables()
        shapes = [tuple(variable.shape) for variable in variables]
        if shapes != [value.shape for value in values]:
            checkpoint.discard("does not fit this training")
            return False
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        vars(self).update(state)
        return True
