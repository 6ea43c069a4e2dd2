"""The values that the author of a recipe published, and how much they vary between seeds."""

from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from src.config.block import Block, Count

DATASET = "mnist"  # the published values are for this dataset
NotNegative = Annotated[float, Field(ge=0)]
# A name, such as `end`, is for a value at the end of the training.
Epoch = Count | Annotated[str, Field(pattern=r"^[a-z_]+$")]
ByEpoch = Annotated[dict[Epoch, NotNegative], Field(min_length=1)]


class PublishedValue(NamedTuple):
    """A value, with its standard deviation between trainings that differ in the seed only."""

    epoch: int | None  # None: the end of the training
    value: float
    stddev: float


class PublishedValues(Block):
    """Values of one metric; ``degrees_of_freedom`` are those of their standard deviations."""

    metric: ClassVar[str]
    degrees_of_freedom: Count
    rounding: NotNegative = 0.0  # 0.01: the author printed two digits
    values: ByEpoch
    stddev: ByEpoch

    @model_validator(mode="after")
    def _check_epochs(self) -> "PublishedValues":
        if self.values.keys() != self.stddev.keys():
            raise PydanticCustomError("epochs", "values and stddev should have the same epochs")
        return self

    def entries(self) -> list[PublishedValue]:
        """Return the values in the order of the file."""
        return [
            PublishedValue(epoch if isinstance(epoch, int) else None, value, self.stddev[epoch])
            for epoch, value in self.values.items()
        ]

    def has_epochs(self) -> bool:
        """Whether the author published values after single epochs."""
        return any(isinstance(epoch, int) for epoch in self.values)


class TrainingLoss(PublishedValues):
    """Mean cross-entropy of the batches of an epoch."""

    metric = "training_loss"


class TestAccuracy(PublishedValues):
    """Accuracy on the test split, or on a random sample of its images."""

    metric = "test_accuracy"
    sample: Count | None = None  # images


class Published(Block):
    """All values that the author of a recipe published."""

    training_loss: TrainingLoss | None = None
    test_accuracy: TestAccuracy | None = None

    def metrics(self) -> list[PublishedValues]:
        """Return the metrics that have values."""
        return [each for each in (self.training_loss, self.test_accuracy) if each]

    def needs_every_epoch(self) -> bool:
        """Whether there are test accuracies after single epochs."""
        return self.test_accuracy is not None and self.test_accuracy.has_epochs()
