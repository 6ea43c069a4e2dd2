"""The vocabulary of recipes: what a block under ``models`` in ``params.yaml`` may say.

Each class is one block of the file; pydantic checks types and bounds. Optimizers' default values
are Keras' own.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Units = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(ge=0, lt=1)]
Scale = Annotated[float, Field(gt=0, le=1000)]
Value = Annotated[float, Field(ge=-1000, le=1000)]


class Block(BaseModel):
    """A block of parameters: no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Zeros(Block):
    kind: Literal["zeros"]


class Constant(Block):
    kind: Literal["constant"]
    value: Value


class Normal(Block):
    kind: Literal["normal"]
    mean: Value = 0.0
    stddev: Annotated[float, Field(ge=0, le=1000)]


class TruncatedNormal(Block):
    """A normal distribution redrawn beyond two standard deviations."""

    kind: Literal["truncated_normal"]
    mean: Value = 0.0
    stddev: Annotated[float, Field(ge=0, le=1000)]


class GlorotUniform(Block):
    kind: Literal["glorot_uniform"]


class NoBias(Block):
    kind: Literal["none"]


class Sgd(Block):
    kind: Literal["sgd"]
    learning_rate: Scale
    momentum: Share = 0.0
    nesterov: bool = False


class Adam(Block):
    kind: Literal["adam"]
    learning_rate: Scale
    beta_1: Share = 0.9
    beta_2: Share = 0.999


class Rmsprop(Block):
    kind: Literal["rmsprop"]
    learning_rate: Scale
    rho: Share = 0.9


class ExponentialSchedule(Block):
    """learning_rate × decay_rate ^ (step / decay_steps), continuous."""

    kind: Literal["exponential"]
    decay_rate: Annotated[float, Field(gt=0, le=1)]
    decay_steps: Count


class CosineSchedule(Block):
    """From learning_rate to zero along half a cosine, over the whole training."""

    kind: Literal["cosine"]


class Averaging(Block):
    """Moving average of the weights, decay min(decay, (1 + step) / (10 + step))."""

    decay: Share


class EarlyStopping(Block):
    """End when the monitored metric has not improved for so many rows of the history."""

    monitor: Literal["val_loss", "val_accuracy"]
    patience: Count


class DenseDropout(Block):
    """Shares of units dropped."""

    inputs: Share = 0.0
    hidden: Share = 0.0


class ConvolutionDropout(Block):
    """Shares of units dropped."""

    convolutions: Share = 0.0
    hidden: Share = 0.0


class PublishedValues(Block):
    values: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    at_epochs: list[Count] | None = None  # not given: one value, at the end of the training

    @model_validator(mode="after")
    def _an_epoch_for_each_value(self) -> "PublishedValues":
        epochs = 1 if self.at_epochs is None else len(self.at_epochs)
        if epochs != len(self.values):
            raise PydanticCustomError(
                "published_epochs",
                "{values} values but {epochs} epochs; at_epochs names one epoch for each value",
                {"values": len(self.values), "epochs": epochs},
            )
        return self


class TrainingLoss(PublishedValues):
    """Mean cross-entropy over an epoch's batches; reproduced within a relative tolerance."""

    metric: Literal["training_loss"]
    tolerance: Annotated[float, Field(gt=0, le=1)]


class TestAccuracy(PublishedValues):
    """Accuracy on so many test images; reproduced within its 95% interval, or above."""

    metric: Literal["test_accuracy"]
    images: Count


class RestoredAccuracy(Block):
    """A saved model gives the same accuracy in another process."""

    metric: Literal["restored_accuracy"]


Published = Annotated[TrainingLoss | TestAccuracy | RestoredAccuracy, Field(discriminator="metric")]
Weights = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | GlorotUniform, Field(discriminator="kind")
]
Bias = Annotated[Zeros | Constant | Normal | TruncatedNormal | NoBias, Field(discriminator="kind")]
Optimizer = Annotated[Sgd | Adam | Rmsprop, Field(discriminator="kind")]
Schedule = Annotated[ExponentialSchedule | CosineSchedule, Field(discriminator="kind")]
# All are monotone, so that a maximum may be taken before them as well as after.
Activation = Literal["relu", "sigmoid", "tanh", "elu", "softplus"]


class SoftmaxRecipe(Block):
    """One dense layer from the pixels to the classes; the keys that all families share."""

    family: Literal["softmax"]
    weights: Weights
    bias: Bias
    l2: Annotated[float, Field(ge=0, le=1000)] = 0.0  # × ½ Σ w², biases not counted
    optimizer: Optimizer
    schedule: Schedule | None = None
    averaging: Averaging | None = None
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    epochs: Count | None = None
    steps: Count | None = None
    early_stopping: EarlyStopping | None = None
    shuffle: bool = True  # anew for each epoch; otherwise the images come in their files' order
    validate_every: Count | None = None  # steps; not given: once an epoch
    published: list[Published] = []

    @model_validator(mode="after")
    def _one_length(self) -> "SoftmaxRecipe":
        if (self.epochs is None) == (self.steps is None):
            raise PydanticCustomError(
                "length",
                "give either epochs or steps ({found} given; null removes one)",
                {"found": "neither is" if self.epochs is None else "both are"},
            )
        return self

    def needs_every_epoch(self) -> bool:
        """Whether the author printed a test accuracy for single epochs."""
        return any(isinstance(each, TestAccuracy) and each.at_epochs for each in self.published)


class MlpRecipe(SoftmaxRecipe):
    """Dense layers."""

    family: Literal["mlp"]
    hidden: Annotated[list[Units], Field(min_length=1, max_length=100)]
    activation: Activation
    dropout: DenseDropout = DenseDropout()


class CnnRecipe(SoftmaxRecipe):
    """Blocks of convolution, max-pooling and activation, then dense layers."""

    family: Literal["cnn"]
    filters: Annotated[list[Units], Field(min_length=1, max_length=100)]
    kernel: Annotated[int, Field(ge=1, le=31)]
    pool: Annotated[int, Field(ge=1, le=31)]
    hidden: Annotated[list[Units], Field(max_length=100)] = []
    activation: Activation
    dropout: ConvolutionDropout = ConvolutionDropout()


Recipe = Annotated[SoftmaxRecipe | MlpRecipe | CnnRecipe, Field(discriminator="family")]
FAMILIES = ("softmax", "mlp", "cnn")


def load_recipe(content: dict[str, Any]) -> Recipe:
    """A recipe from its JSON, as ``plan`` resolved it."""
    return TypeAdapter(Recipe).validate_python(content)
