"""The schema of a recipe: a block of ``recipes.yaml``."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from src.common.files import json_sha256
from src.config.blocks import (
    Augmentation,
    Bias,
    Block,
    Count,
    Fraction,
    NotNegative,
    Optimizer,
    Schedule,
    Weights,
)

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Units = Annotated[int, Field(ge=1, le=100_000)]
KernelSize = Annotated[int, Field(ge=1, le=31)]
MOST_VALIDATIONS = 100  # of a recipe with `steps`
VALIDATE_EVERY = f"Steps; null: each epoch, with steps at most {MOST_VALIDATIONS} times."
# All are monotone: max-pooling may therefore come before them or after, with the same result.
Activation = Literal["relu", "sigmoid", "tanh", "elu", "softplus"]


class Averaging(Block):
    """Moving average of the weights, with decay min(decay, (1 + step) / (10 + step))."""

    decay: Fraction = Field(description="0.99: over about the last hundred steps.")


class EarlyStopping(Block):
    """Stop when ``monitor`` has not improved in the last ``patience`` validations."""

    monitor: Literal["val_loss", "val_accuracy"] = Field(description="What should improve.")
    patience: Count = Field(description="Number of validations.")
    restore_best: bool = Field(False, description="Use the weights of the best validation.")

    def best_row(self, history: Sequence[Mapping[str, Any]]) -> int:
        """The index of the first row of a history with the best value.

        With few images, many rows have the best accuracy: then that with the lowest loss is best.
        """
        sign = 1 if self.monitor == "val_loss" else -1
        costs = [(sign * row[self.monitor], row["val_loss"]) for row in history]
        return costs.index(min(costs))


class DenseDropout(Block):
    """Fractions of the units that are dropped."""

    inputs: Fraction = Field(0.0, description="Of the pixels.")
    hidden: Fraction = Field(0.0, description="After each hidden dense layer.")


class ConvolutionDropout(Block):
    """Fractions of the units that are dropped."""

    convolutions: Fraction = Field(0.0, description="After each pooling.")
    hidden: Fraction = Field(0.0, description="After each hidden dense layer.")


class ConvnetDropout(ConvolutionDropout):
    """Fractions of the units that are dropped."""

    features: Fraction = Field(0.0, description="Before the last layer.")


class BaseRecipe(Block):
    """The keys that all families have."""

    family: str = Field(description="Kind of network: softmax, mlp, cnn, or convnet.")
    weights: Weights = Field(description="Initial values of the kernels.")
    bias: Bias = Field(description="As weights; kind: none: no biases.")
    l2: NotNegative = Field(0.0, description="Added to the loss × ½ Σ w², without biases.")
    optimizer: Optimizer = Field(description="How a step changes the weights.")
    schedule: Schedule | None = Field(None, description="Of the learning rate.")
    averaging: Averaging | None = None
    augmentation: Augmentation | None = None
    label_smoothing: Fraction = Field(0.0, description="Part of a target, divided among classes.")
    batch_size: BatchSize = Field(description="Images in a step.")
    min_steps_per_epoch: Count = Field(1, description="With few images, batches are smaller.")
    epochs: Count | None = Field(
        None, description="Length of the training, unless steps are given."
    )
    steps: Count | None = Field(None, description="Length in batches.")
    early_stopping: EarlyStopping | None = None
    shuffle: bool = Field(True, description="In each epoch; false: the order of the files.")
    validate_every: Count | None = Field(None, description=VALIDATE_EVERY)
    keep_epochs: bool = Field(False, description="Evaluate each epoch on the test split.")

    @model_validator(mode="after")
    def _check_length(self) -> "BaseRecipe":
        if (self.epochs is None) == (self.steps is None):
            raise PydanticCustomError(
                "length",
                "give either epochs or steps ({found} given; null removes one)",
                {"found": "neither is" if self.epochs is None else "both are"},
            )
        return self

    def images_per_step(self, images: int) -> int:
        """The size of a batch, of a training split of so many images."""
        return min(self.batch_size, max(1, images // self.min_steps_per_epoch))

    def validation_interval(self, steps_per_epoch: int) -> int:
        """The number of steps between validations."""
        if self.validate_every or not self.steps:
            return self.validate_every or steps_per_epoch
        return max(steps_per_epoch, -(-self.steps // MOST_VALIDATIONS))  # an epoch can be one step


class SoftmaxRecipe(BaseRecipe):
    """One dense layer from the pixels to the classes."""

    family: Literal["softmax"]


class MlpRecipe(BaseRecipe):
    """Dense layers."""

    family: Literal["mlp"]
    hidden: list[Units] = Field(
        min_length=1, max_length=100, description="Units of each dense layer."
    )
    activation: Activation = Field(description="After each layer but the last.")
    dropout: DenseDropout = DenseDropout()


class CnnRecipe(BaseRecipe):
    """Blocks of convolution, max-pooling and activation, then dense layers."""

    family: Literal["cnn"]
    filters: list[Units] = Field(min_length=1, max_length=100, description="Of each convolution.")
    kernel: KernelSize = Field(description="Width and height of the convolutions.")
    pool: KernelSize = Field(description="Width and height of max-pooling.")
    hidden: list[Units] = Field([], max_length=100, description="Units of each dense layer.")
    activation: Activation = Field(description="After each layer but the last.")
    dropout: ConvolutionDropout = ConvolutionDropout()


class Convolution(Block):
    """A convolution; then pooling, batch normalization and activation, if the recipe has them."""

    filters: Units = Field(description="Number of channels.")
    kernel: KernelSize = Field(3, description="Width and height.")
    padding: Literal["same", "valid"] = Field("same", description="At the edge.")
    pool: Literal["max", "average"] | None = Field(None, description="Of 2 × 2 pixels.")


class BatchNormalization(Block):
    """After each convolution and hidden layer (Ioffe and Szegedy, 2015)."""

    momentum: Fraction = Field(0.99, description="Of the moving averages.")


class ConvnetRecipe(BaseRecipe):
    """A convolutional network, each convolution of which has its own settings."""

    family: Literal["convnet"]
    convolutions: list[Convolution] = Field(min_length=1, max_length=100)
    global_average: bool = Field(False, description="Dense layers get the mean of each channel.")
    hidden: list[Units] = Field([], max_length=100, description="Units of each dense layer.")
    activation: Activation = Field(description="After each layer but the last.")
    batch_normalization: BatchNormalization | None = None
    dropout: ConvnetDropout = ConvnetDropout()


Recipe = Annotated[
    SoftmaxRecipe | MlpRecipe | CnnRecipe | ConvnetRecipe, Field(discriminator="family")
]
TUTORIALS = ("softmax", "mlp", "cnn")  # families of the models in the tutorials
MODERN = ("convnet",)
FAMILIES = (*TUTORIALS, *MODERN)  # each has a training stage
# What `model` can be instead of families and recipes.
GROUPS = {"tutorials": TUTORIALS, "modern": MODERN, "all": FAMILIES}
FINGERPRINT = 12  # characters
# Settings of `train` that choose one of many equally likely results, or only what is shown. The
# number of threads changes how sums are rounded; the memory, in which order images are streamed.
WITHOUT_EFFECT = {"seed", "tensorboard", "threads", "memory_limit"}


def load_recipe(content: dict[str, Any]) -> Recipe:
    """Convert a block of keys, such as that in a plan; may raise a pydantic.ValidationError."""
    return TypeAdapter(Recipe).validate_python(content)


def fingerprint(recipe: Recipe) -> str:
    """The first characters of a SHA-256 of what a recipe computes.

    Keys that have their default do not count: a new key, with a default that leaves existing
    recipes unchanged, changes no fingerprint.
    """
    return json_sha256(_computed(recipe))[:FINGERPRINT]


def results_key(config: Mapping[str, Any], test_digest: str) -> str:
    """The first characters of a SHA-256 of all that the results of a training depend on.

    Its seed is not part of it, nor are the kind of processor and the versions of libraries.

    Args:
        config: as ``training.json``: the recipe, the settings in ``train`` (those in
            ``WITHOUT_EFFECT`` do not count), the dataset, and the digest of the code.
        test_digest: of the test split.

    Raises:
        pydantic.ValidationError: the recipe is not valid.
    """
    settings = {key: value for key, value in config["train"].items() if key not in WITHOUT_EFFECT}
    inputs = config["dataset"]["digest"], config["dataset"]["classes"], test_digest, config["code"]
    return json_sha256([_computed(load_recipe(config["recipe"])), settings, *inputs])[:FINGERPRINT]


def _computed(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude={"keep_epochs"}, exclude_defaults=True)
