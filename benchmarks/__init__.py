"""What this program is timed against; `make bench` runs it all."""

from src import device  # noqa: F401  (quiets TensorFlow before anything imports it)
