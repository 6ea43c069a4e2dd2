"""How image files are converted; without the libraries that this needs, which take long to load."""

from typing import TypedDict


class Conversion(TypedDict):
    """How image files are converted: for training and for prediction in the same way."""

    center_like_mnist: bool  # cropped to the ink, scaled, and centered by mass, light on dark
    light_on_dark: bool  # whether dark images on a light background are inverted


DRAWINGS: Conversion = {"center_like_mnist": True, "light_on_dark": True}
LIGHT_ON_DARK: Conversion = {"center_like_mnist": False, "light_on_dark": True}
