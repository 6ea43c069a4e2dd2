"""Reads ``published.yaml``: what authors published, and how much it varies between seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from src.common.paths import PUBLISHED_VALUES
from src.config.blocks import Block, Count
from src.config.yaml_files import nearest, read_yaml_file, refuse, validate

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
    sample: Count | None = None  # random test images; None: all

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


class TrainingLoss(PublishedValues):
    """Mean cross-entropy of the batches of an epoch."""

    metric = "training_loss"
    sample: None = None


class TestAccuracy(PublishedValues):
    """Accuracy on the test split, or on a random sample of its images."""

    metric = "test_accuracy"


class Published(Block):
    """All values that the author of a recipe published.

    They are compared with trainings of the recipe with this ``fingerprint``, and with no others:
    see ``recipe.fingerprint``.
    """

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    training_loss: TrainingLoss | None = None
    test_accuracy: TestAccuracy | None = None

    def metrics(self) -> list[PublishedValues]:
        """Return the metrics that have values."""
        return [each for each in (self.training_loss, self.test_accuracy) if each]


def load_published(
    path: Path = PUBLISHED_VALUES, recipes: Sequence[str] = ()
) -> dict[str, Published]:
    """Read and validate the published values of each recipe.

    Args:
        recipes: the names of all recipes, if they are to be checked.

    Raises:
        PipelineError: as ``load_params``.
    """
    content = read_yaml_file(path)
    mistakes = [
        f"{name}: there is no recipe of this name{nearest(name, recipes)}"
        for name in content
        if recipes and name not in recipes
    ]
    published = validate(dict[str, Published], content, mistakes)
    refuse(path, mistakes)
    return published
