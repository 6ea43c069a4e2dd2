"""The time of the steps of a training."""

import time

from src.common.tensorflow import keras


class StepClock(keras.callbacks.Callback):
    """Measures the first step, which compiles, apart from all others.

    The trainer runs steps in slices, which are batches for callbacks; its first slice is one step.

    Attributes:
        first_ended: ``time.time()`` at the end of the first step.
        seconds: of all steps after the first, without validations and the loading of images.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first_ended: float | None = None
        self.seconds = 0.0
        self._begun = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.first_ended is None:
            self.first_ended = time.time()
        else:
            self.seconds += time.perf_counter() - self._begun
