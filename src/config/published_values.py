"""The values that the author of a recipe published, and how much they vary between seeds."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from src.config.block import Block, Count

NotNegative = Annotated[float, Field(ge=0)]


class PublishedValues(Block):
    """Values of one metric.

    ``stddev`` is the standard deviation between trainings that differ in the seed only, for each
    value, estimated with ``degrees_of_freedom``.
    """

    values: Annotated[list[NotNegative], Field(min_length=1)]
    at_epochs: list[Count] | None = None  # None: all values are for the end of the training
    precision: NotNegative = 0.0  # 0.01: the author printed two digits
    stddev: list[NotNegative]
    degrees_of_freedom: Count

    @model_validator(mode="after")
    def _check_lengths(self) -> "PublishedValues":
        for key, entries in (("at_epochs", self.at_epochs), ("stddev", self.stddev)):
            if entries is not None and len(entries) != len(self.values):
                raise PydanticCustomError(
                    "published_length",
                    "{values} values, but {key} has {entries}; it must have one for each value",
                    {"values": len(self.values), "key": key, "entries": len(entries)},
                )
        return self


class TrainingLoss(PublishedValues):
    """Mean cross-entropy of the batches of an epoch."""

    metric: Literal["training_loss"]


class TestAccuracy(PublishedValues):
    """Accuracy on the test split, or on a random sample of its images."""

    metric: Literal["test_accuracy"]
    sample: Count | None = None  # images


Published = Annotated[TrainingLoss | TestAccuracy, Field(discriminator="metric")]
