"""The schema of random changes of the training images."""

from typing import Annotated

from pydantic import Field

from src.config.block import Block, Fraction

Pixels = Annotated[float, Field(ge=0, le=100)]


class Augmentation(Block):
    """Random changes of each training image, different in each step.

    Every amount is the largest one: an image is shifted, for example, by a distance that is drawn
    uniformly from -shift to shift, in both directions.
    """

    shift: Pixels = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees, around the center
    scale: Fraction = 0.0  # 0.1: from 0.9 to 1.1 times the size, in each direction
    shear: Fraction = 0.0  # pixels to the side for each pixel upwards
    elastic: Pixels = 0.0  # typical distance by which a smooth random field moves a pixel
