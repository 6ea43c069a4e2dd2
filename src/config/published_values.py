"""The values that the author of a recipe published, and how much they vary between seeds."""

from typing import Annotated, Literal

from pydantic import Field

from src.config.block import Block, Count

DATASET = "mnist"  # the published values are for this dataset
NotNegative = Annotated[float, Field(ge=0)]


class PublishedValue(Block):
    """A value, with its standard deviation between trainings that differ in the seed only."""

    epoch: Count | None = None  # None: the end of the training
    value: NotNegative
    stddev: NotNegative


class PublishedValues(Block):
    """Values of one metric; ``degrees_of_freedom`` are those of their standard deviations."""

    degrees_of_freedom: Count
    rounding: NotNegative = 0.0  # 0.01: the author printed two digits
    values: Annotated[list[PublishedValue], Field(min_length=1)]

    def has_epochs(self) -> bool:
        """Whether the author published values after single epochs."""
        return any(each.epoch for each in self.values)


class TrainingLoss(PublishedValues):
    """Mean cross-entropy of the batches of an epoch."""

    metric: Literal["training_loss"]


class TestAccuracy(PublishedValues):
    """Accuracy on the test split, or on a random sample of its images."""

    metric: Literal["test_accuracy"]
    sample: Count | None = None  # images


Published = Annotated[TrainingLoss | TestAccuracy, Field(discriminator="metric")]
