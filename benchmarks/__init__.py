"""Programs that measure the speed claims of the documentation: ``make bench``."""

from src.common import tensorflow  # noqa: F401  (imports TensorFlow without log output)
