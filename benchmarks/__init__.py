"""What this program is timed against; `make bench` runs it all."""

from src.common import tensorflow  # noqa: F401  (imports TensorFlow without log output)
