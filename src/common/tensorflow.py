"""TensorFlow and Keras, imported quickly, without log output and with the settings of this project.

All modules import both from here, so no module must be imported first. The user's ``keras.json``
and environment must not change a model: what matters is set here, or in ``params.yaml``. What
cannot be overruled is recorded: see ``recorded_variables``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from src.common.machine import lean_import

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# By default, TensorFlow uses the kernels of oneDNN only with AVX-512 VNNI or AMX. With AVX2, too,
# they are faster: `cnn` takes three quarters of the time.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ["KERAS_BACKEND"] = "tensorflow"
# `train.threads` sets the threads; a GPU is always deterministic.
OVERRULED = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_DETERMINISTIC_OPS")
for name in (*OVERRULED, "KERAS_MAX_STEPS_PER_EPOCH"):  # the last one also limits predictions
    os.environ.pop(name, None)
# Prefixes of the variables that change how TensorFlow computes.
RECORDED = (
    *("ONEDNN_", "DNNL_", "TF_ONEDNN_", "TF_SET_ONEDNN_", "TF_ENABLE_"),
    *("TF_XLA_FLAGS", "XLA_FLAGS"),
)


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what C++ code writes to standard error: its first messages ignore the log level."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def recorded_variables() -> dict[str, str]:
    """The variables of the environment that change how TensorFlow computes, sorted by name."""
    return {name: os.environ[name] for name in sorted(os.environ) if name.startswith(RECORDED)}


with quiet(), lean_import(without=["sklearn", "matplotlib", "pandas", "IPython"]):
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # searches for GPUs, with more messages
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    tf.get_logger().setLevel("ERROR")  # it warns if a process loads more than five models

# AutoGraph would convert the source of Keras as well, which takes seconds.
graph = partial(tf.function, autograph=False)
__all__ = ["graph", "keras", "quiet", "recorded_variables", "tf"]
