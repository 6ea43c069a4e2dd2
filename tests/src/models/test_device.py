"""The device is chosen and configured, or a missing GPU is an error."""

import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.models import device


def test_without_a_gpu_the_device_is_the_cpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: None)
    assert device.choose_device("auto") == "cpu"
    assert device.choose_device("cpu") == "cpu"


def test_a_missing_gpu_is_an_error(monkeypatch):
    found = [tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU")]
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind=None: [] if kind == "GPU" else found
    )
    with pytest.raises(PipelineError, match=r"finds only /physical_device:CPU:0; install"):
        device.choose_device("gpu")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_gpu_allocates_memory_when_needed_and_is_deterministic(monkeypatch, wanted):
    gpu, grown = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU"), []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda device, on: grown.append((device, on))
    )
    deterministic = []
    monkeypatch.setattr(
        tf.config.experimental, "enable_op_determinism", lambda: deterministic.append(True)
    )
    assert device.choose_device(wanted) == "gpu"
    assert deterministic
    assert grown == [(gpu, True)]
