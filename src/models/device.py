"""The device that ``train.device`` selects."""

from typing import Literal

from src.common.errors import PipelineError
from src.common.tensorflow import tf


def choose_device(
    wanted: Literal["auto", "cpu", "gpu"], threads: int | Literal["auto"] = "auto"
) -> Literal["cpu", "gpu"]:
    """Choose and configure the device; call this before TensorFlow computes anything.

    On a GPU, TensorFlow allocates memory when it needs it, and uses deterministic kernels.
    ``threads`` are those of the CPU; ``auto`` is one for each processor.

    Raises:
        PipelineError: ``wanted`` is ``gpu``, and TensorFlow finds no GPU.
    """
    if threads != "auto":
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    if wanted == "gpu" and not gpus:
        names = ", ".join(device.name for device in tf.config.list_physical_devices())
        raise PipelineError(
            f"train.device is gpu, but TensorFlow {tf.__version__} finds only {names}; install an "
            "NVIDIA driver and `pip install -r requirements-gpu.txt`, or set train.device to auto"
        )
    if wanted == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.config.experimental.enable_op_determinism()
    return "gpu"
