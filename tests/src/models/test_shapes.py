"""The shapes of layers, calculated by hand; tests of size.py compare them with Keras."""

import pytest

from src.common.errors import PipelineError
from src.models.shapes import ConvolutionShape, convolution_shapes, dense_shapes


def test_padding_and_pooling_change_the_positions(change_recipe):
    recipe = change_recipe("tiny_convnet", global_average=False)
    shapes = [
        ConvolutionShape(25, 4, 27 * 20, 14 * 10),
        ConvolutionShape(9 * 4, 6, 12 * 8, 6 * 4),
        ConvolutionShape(9 * 6, 8, 4 * 2, 4 * 2),
    ]
    assert convolution_shapes(recipe, 27, 20) == (shapes, 4 * 2 * 8)
    assert dense_shapes(recipe, 27, 20, 5) == [(64, 12), (12, 5)]


def test_a_global_average_has_a_value_for_each_channel(change_recipe):
    assert dense_shapes(change_recipe("tiny_convnet"), 27, 20, 5) == [(8, 12), (12, 5)]


def test_without_convolutions_all_pixels_are_inputs(change_recipe):
    assert convolution_shapes(change_recipe("softmax"), 27, 20) == ([], 540)


def test_the_smallest_image_has_one_position_left(change_recipe):
    recipe = change_recipe("tiny_convnet")
    assert convolution_shapes(recipe, 13, 40)[0][-1].positions == 1 * 7
    with pytest.raises(PipelineError, match="images of 12 × 40 pixels are too small for convolut"):
        convolution_shapes(recipe, 12, 40)
