"""The schema of a recipe: a block under ``models`` in ``params.yaml``."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from src.config.block import Block, Count, Fraction
from src.config.optimizer import Optimizer, Schedule
from src.config.published_values import Published

Units = Annotated[int, Field(ge=1, le=100_000)]
Value = Annotated[float, Field(ge=-1000, le=1000)]
Stddev = Annotated[float, Field(ge=0, le=1000)]
# All are monotone: max-pooling may therefore come before them or after, with the same result.
Activation = Literal["relu", "sigmoid", "tanh", "elu", "softplus"]


class Zeros(Block):
    kind: Literal["zeros"]


class Constant(Block):
    kind: Literal["constant"]
    value: Value


class Normal(Block):
    kind: Literal["normal"]
    mean: Value = 0.0
    stddev: Stddev


class TruncatedNormal(Block):
    """A normal distribution; values more than two standard deviations from the mean are redrawn."""

    kind: Literal["truncated_normal"]
    mean: Value = 0.0
    stddev: Stddev


class GlorotUniform(Block):
    """The default of ``tf.get_variable`` in TensorFlow 1, also for biases."""

    kind: Literal["glorot_uniform"]


class NoBias(Block):
    kind: Literal["none"]


Weights = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | GlorotUniform, Field(discriminator="kind")
]
Bias = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | GlorotUniform | NoBias,
    Field(discriminator="kind"),
]


class Averaging(Block):
    """Moving average of the weights, with decay min(decay, (1 + step) / (10 + step))."""

    decay: Fraction


class EarlyStopping(Block):
    """Stop when ``monitor`` has not improved in the last ``patience`` validations."""

    monitor: Literal["val_loss", "val_accuracy"]
    patience: Count


class DenseDropout(Block):
    """Fractions of the units that are dropped."""

    inputs: Fraction = 0.0
    hidden: Fraction = 0.0


class ConvolutionDropout(Block):
    """Fractions of the units that are dropped."""

    convolutions: Fraction = 0.0
    hidden: Fraction = 0.0


class BaseRecipe(Block):
    """The keys that all families have."""

    family: str
    weights: Weights
    bias: Bias
    l2: Annotated[float, Field(ge=0, le=1000)] = 0.0  # × ½ Σ w², without biases
    optimizer: Optimizer
    schedule: Schedule | None = None
    averaging: Averaging | None = None
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    epochs: Count | None = None
    steps: Count | None = None
    early_stopping: EarlyStopping | None = None
    shuffle: bool = True  # in each epoch; False: the order of the files, see make_trainer
    validate_every: Count | None = None  # steps; None: once per epoch, see Trainer
    published: Published = Published()

    @model_validator(mode="after")
    def _check_length(self) -> "BaseRecipe":
        if (self.epochs is None) == (self.steps is None):
            raise PydanticCustomError(
                "length",
                "give either epochs or steps ({found} given; null removes one)",
                {"found": "neither is" if self.epochs is None else "both are"},
            )
        return self

    def needs_every_epoch(self) -> bool:
        """Whether the author published the test accuracy after single epochs."""
        accuracies = self.published.test_accuracy
        return accuracies is not None and accuracies.has_epochs()


class SoftmaxRecipe(BaseRecipe):
    """One dense layer from the pixels to the classes."""

    family: Literal["softmax"]


class MlpRecipe(BaseRecipe):
    """Dense layers."""

    family: Literal["mlp"]
    hidden: Annotated[list[Units], Field(min_length=1, max_length=100)]
    activation: Activation
    dropout: DenseDropout = DenseDropout()


class CnnRecipe(BaseRecipe):
    """Blocks of convolution, max-pooling and activation, then dense layers."""

    family: Literal["cnn"]
    filters: Annotated[list[Units], Field(min_length=1, max_length=100)]
    kernel: Annotated[int, Field(ge=1, le=31)]
    pool: Annotated[int, Field(ge=1, le=31)]
    hidden: Annotated[list[Units], Field(default_factory=list, max_length=100)]
    activation: Activation
    dropout: ConvolutionDropout = ConvolutionDropout()


Recipe = Annotated[SoftmaxRecipe | MlpRecipe | CnnRecipe, Field(discriminator="family")]
FAMILIES = ("softmax", "mlp", "cnn")


def load_recipe(content: dict[str, Any]) -> Recipe:
    """Convert the JSON that the stage ``plan`` wrote; may raise a pydantic.ValidationError."""
    return TypeAdapter(Recipe).validate_python(content)
