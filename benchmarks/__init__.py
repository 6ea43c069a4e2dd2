"""Programs that measure the speed claims of the documentation: ``make bench``."""

from src.models import device  # noqa: F401  (imports TensorFlow without its log messages)
