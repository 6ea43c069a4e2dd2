"""The shapes of the layers of a recipe's network: arithmetic without TensorFlow."""

from math import ceil
from typing import NamedTuple

from src.common.errors import PipelineError
from src.config.recipe import CnnRecipe, ConvnetRecipe, Convolution, Recipe, SoftmaxRecipe


class ConvolutionShape(NamedTuple):
    """A convolution and the layers after it, up to the next convolution."""

    inputs: int  # weights of a filter
    filters: int
    positions: int  # of each filter
    pooled: int  # positions that are left after pooling


def convolution_shapes(
    recipe: Recipe, height: int, width: int
) -> tuple[list[ConvolutionShape], int]:
    """The convolutions of a network, and the number of values for the first dense layer.

    Raises:
        PipelineError: an image becomes smaller than the kernel of a convolution without padding.
    """
    shapes, size, channels = [], (height, width), 1
    for number, (each, pool) in enumerate(_convolutions(recipe), 1):
        if each.padding == "valid":
            size = size[0] - each.kernel + 1, size[1] - each.kernel + 1
        if min(size) < 1:
            raise PipelineError(
                f"images of {height} × {width} pixels are too small for convolution {number}, "
                f"which has the kernel {each.kernel} × {each.kernel} and no padding; set its "
                "padding to same, or use other recipes for this dataset"
            )
        positions = size[0] * size[1]
        size = ceil(size[0] / pool), ceil(size[1] / pool)
        inputs, channels = each.kernel**2 * channels, each.filters
        shapes.append(ConvolutionShape(inputs, channels, positions, size[0] * size[1]))
    averaged = isinstance(recipe, ConvnetRecipe) and recipe.global_average
    return shapes, channels if averaged else size[0] * size[1] * channels


def dense_shapes(recipe: Recipe, height: int, width: int, classes: int) -> list[tuple[int, int]]:
    """For each dense layer: the number of its inputs and of its units."""
    units = [*hidden_units(recipe), classes]
    return list(zip([convolution_shapes(recipe, height, width)[1], *units], units, strict=False))


def hidden_units(recipe: Recipe) -> list[int]:
    """The units of the dense layers before the last one."""
    return [] if isinstance(recipe, SoftmaxRecipe) else recipe.hidden


def _convolutions(recipe: Recipe) -> list[tuple[Convolution, int]]:
    """The convolutions, and the side of the pooling after each."""
    if isinstance(recipe, CnnRecipe):
        return [
            (Convolution(filters=filters, kernel=recipe.kernel), recipe.pool)
            for filters in recipe.filters
        ]
    if isinstance(recipe, ConvnetRecipe):
        return [(each, 2 if each.pool else 1) for each in recipe.convolutions]
    return []
