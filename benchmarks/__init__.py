"""What this program is timed against; `make bench` runs it all."""

from src.models import device  # noqa: F401  (quiets TensorFlow before anything imports it)
