"""The device is chosen and configured, or a missing GPU is an error."""

import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.models import device


def test_without_a_gpu_the_device_is_the_cpu_or_there_is_an_error(monkeypatch):
    cpu = tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU")
    found = {None: [cpu], "CPU": [cpu], "GPU": []}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: found[kind])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: None)
    assert device.choose_device("auto") == device.choose_device("cpu") == "cpu"
    with pytest.raises(PipelineError, match=r"finds only /physical_device:CPU:0; install"):
        device.choose_device("gpu")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_gpu_allocates_memory_when_needed_and_is_deterministic(monkeypatch, wanted):
    gpu, calls = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU"), []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    options = tf.config.experimental
    monkeypatch.setattr(options, "set_memory_growth", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(options, "enable_op_determinism", lambda: calls.append("deterministic"))
    assert device.choose_device(wanted) == "gpu"
    assert sorted(calls, key=str) == [(gpu, True), "deterministic"]
