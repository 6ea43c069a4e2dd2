"""The values that the author of a recipe published."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from src.config.block import Block, Count


class PublishedValues(Block):
    values: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    at_epochs: list[Count] | None = None  # None: one value, at the end of the training

    @model_validator(mode="after")
    def _check_one_epoch_per_value(self) -> "PublishedValues":
        epochs = 1 if self.at_epochs is None else len(self.at_epochs)
        if epochs != len(self.values):
            raise PydanticCustomError(
                "published_epochs",
                "{values} values but {epochs} epochs; at_epochs must have one epoch per value",
                {"values": len(self.values), "epochs": epochs},
            )
        return self


class TrainingLoss(PublishedValues):
    """Mean cross-entropy of an epoch's batches; reproduced within a relative tolerance."""

    metric: Literal["training_loss"]
    tolerance: Annotated[float, Field(gt=0, le=1)]


class TestAccuracy(PublishedValues):
    """Accuracy on this number of test images; reproduced within its 95% interval, or above."""

    metric: Literal["test_accuracy"]
    images: Count


class RestoredAccuracy(Block):
    """A saved model has the same accuracy when another process loads it."""

    metric: Literal["restored_accuracy"]


Published = Annotated[TrainingLoss | TestAccuracy | RestoredAccuracy, Field(discriminator="metric")]
