"""TensorFlow, quietly, and the device that ``train.device`` asks for."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from src.common.errors import PipelineError
from src.common.imports import lean_import

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what C++ writes to standard error, and tell it only if the block fails.

    TensorFlow greets before it has read its log level.
    """
    with tempfile.TemporaryFile() as held:
        screen = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)


# Keras wraps scikit-learn and draws with Matplotlib where it finds them.
with _quiet(), lean_import(without=["sklearn", "matplotlib"]):
    import keras  # noqa: F401
    import tensorflow as tf

    tf.config.list_physical_devices()  # looks for GPUs, with more greetings


def choose_device(
    wanted: Literal["auto", "cpu", "gpu"], threads: int | Literal["auto"] = "auto"
) -> Literal["cpu", "gpu"]:
    """The device to train on, made ready; to be called before anything is computed.

    A GPU's memory is taken as it is needed, not all at once, and it computes the same bits each
    time, which TensorFlow does not promise unless it is told.

    Args:
        wanted: ``train.device``.
        threads: of the CPU; ``auto`` is one for each processor.

    Raises:
        PipelineError: a GPU is asked for and TensorFlow sees none.
    """
    if threads != "auto":
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not gpus:
        seen = ", ".join(device.name for device in tf.config.list_physical_devices())
        raise PipelineError(
            f"train.device is gpu, but TensorFlow {tf.__version__} sees only {seen}; install an "
            "NVIDIA driver and `pip install -r requirements-gpu.txt`, or set train.device to auto"
        )
    if wanted == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    return "gpu"
