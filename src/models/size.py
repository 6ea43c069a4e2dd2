"""The number of parameters of a recipe's model, and an estimate of the memory that it needs.

This is arithmetic without TensorFlow, for the stage ``plan``.
"""

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Literal

from src.common.errors import PipelineError
from src.config.recipe import ConvnetRecipe, Recipe
from src.data.memory import GB, choose_buffer_size, device_memory, inference_batch
from src.models.shapes import convolution_shapes, dense_shapes, hidden_units

if TYPE_CHECKING:
    from src.config.params import TrainParams

FLOAT = 4  # bytes
# Of TensorFlow with its programs and the libraries that it loads.
BASE_BYTES = 1_000_000_000
BUFFERS = 4  # copies of a shuffle buffer that exist at the same time; see src/data/memory.py
LARGE_BYTES = 2_000_000_000  # the stage plan prints larger estimates
# Values of the optimizer for each weight.
SLOTS = {"sgd": 0, "adam": 2, "rmsprop": 1}


def check_memory(
    name: str,
    recipe: Recipe,
    train: "TrainParams",
    images: tuple[int, int, int],
    classes: int,
) -> int:
    """Return the estimated memory of a training in bytes.

    Args:
        images: shape ``[N, H, W]`` of the training split.

    Raises:
        PipelineError: the machine has less memory, ``train.memory_limit`` is less, a batch does not
            fit into the shuffle buffer, or the images are too small for a convolution.
    """
    count, height, width = images
    device: Literal["cpu", "gpu"] = "gpu" if train.device == "gpu" else "cpu"
    batch = min(recipe.batch_size, count)
    try:
        model = estimate_bytes(recipe, height, width, classes, batch)
        if (device, train.memory_limit) == ("gpu", "auto"):
            return model  # the training checks the memory: only there, TensorFlow looks for a GPU
        buffer_size = choose_buffer_size(images, batch, train.memory_limit, device)
    except PipelineError as error:
        raise PipelineError(f"models.{name}: {error}") from None
    pixels = height * width
    if buffer_size:
        needed = model + BUFFERS * buffer_size * pixels
    else:  # while the images are loaded, they are in memory twice
        needed = max(model + count * pixels, BASE_BYTES + 2 * count * pixels)
    available, source, first = _available(train.memory_limit, device)
    if needed > available:
        rounded = ceil(10 * needed / GB) / 10
        raise PipelineError(
            f"models.{name} needs about {rounded} GB of memory for images of {height} × {width} "
            f"pixels, but {source} {available / GB:.1f} GB; {first}decrease its batch_size, "
            "filters or hidden units, use smaller images, or select other recipes with `model`"
        )
    return needed


def _available(
    limit: float | Literal["auto"], device: Literal["cpu", "gpu"]
) -> tuple[float, str, str]:
    """The bytes that a training may use, what limits them, and the first advice to change it."""
    if limit != "auto" and (device == "gpu" or limit * GB < device_memory(device)):
        return limit * GB, "train.memory_limit is", "increase it, "
    return device_memory(device), "this machine has", ""


def count_parameters(recipe: Recipe, height: int, width: int, classes: int) -> int:
    """Return the number of weights of the model, as Keras counts them."""
    kernels = dense_shapes(recipe, height, width, classes)
    convolutions = convolution_shapes(recipe, height, width)[0]
    kernels += [(each.inputs, each.filters) for each in convolutions]
    biases = int(recipe.bias.kind != "none")
    normalized = [units for _, units in kernels] if _has_normalization(recipe) else []
    if normalized:  # each channel has a scale, an offset, and two moving averages
        normalized.remove(classes)  # the last layer has none
    return sum((inputs + biases) * units for inputs, units in kernels) + 4 * sum(normalized)


def _has_normalization(recipe: Recipe) -> bool:
    return isinstance(recipe, ConvnetRecipe) and recipe.batch_normalization is not None


def estimate_bytes(recipe: Recipe, height: int, width: int, classes: int, batch: int) -> int:
    """Estimate the memory of a training in bytes, without the images of the training split.

    Weights exist also as gradients, in the optimizer, as a moving average, and as a copy while a
    checkpoint is written. Of the hidden values of a batch, the estimate counts those that the
    gradients need, and copies of the largest layer. ``tests/src/models/test_size.py`` compares it
    with measurements.

    Args:
        batch: images in a step.
    """
    momentum = int(getattr(recipe.optimizer, "momentum", 0) > 0)
    state = 1 + SLOTS[recipe.optimizer.kind] + momentum + bool(recipe.averaging)
    weights = count_parameters(recipe, height, width, classes) * (2 * state + 2)
    layers = list(_hidden_values(recipe, height, width))
    totals = [values * copies for values, copies in layers]
    training = batch * (sum(totals) + 2 * max(totals))
    largest = max(values for values, _ in layers)
    inference = inference_batch(largest) * 2 * largest
    return BASE_BYTES + FLOAT * (weights + max(training, inference))


def _hidden_values(recipe: Recipe, height: int, width: int) -> Iterator[tuple[int, int]]:
    """How many values layers compute for an image, and how many layers compute so many.

    The pixels are first.
    """
    yield height * width, 1
    layers = 4 if _has_normalization(recipe) else 3  # pooling, activation, dropout
    for each in convolution_shapes(recipe, height, width)[0]:
        yield each.positions * each.filters, 1
        yield each.pooled * each.filters, layers
    yield from ((units, layers) for units in hidden_units(recipe))
