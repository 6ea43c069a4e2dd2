"""TensorFlow and Keras, imported quickly and without log output.

All modules import both from here, so no module must be imported first.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from src.common.imports import lean_import

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def _quiet() -> Iterator[None]:
    """Capture what C++ code writes to standard error; print it only if the block fails.

    TensorFlow reports missing GPUs before it reads its log level.
    """
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(stderr, captured.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with _quiet(), lean_import(without=["sklearn", "matplotlib"]):
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # searches for GPUs, with more messages
    tf.get_logger().setLevel("ERROR")  # it warns if a process loads more than five models

__all__ = ["keras", "tf"]
