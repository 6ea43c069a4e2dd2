"""The device asked for, or a sentence."""

import pytest
import tensorflow as tf

from src.common.errors import PipelineError
from src.models import device


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda devices, kind: None)
    assert device.choose_device("auto") == "cpu"
    assert device.choose_device("cpu") == "cpu"


def test_a_gpu_that_is_not_there_is_a_sentence(monkeypatch):
    seen = [tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU")]
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind=None: [] if kind == "GPU" else seen
    )
    with pytest.raises(PipelineError, match=r"sees only /physical_device:CPU:0; install"):
        device.choose_device("gpu")


@pytest.mark.parametrize("wanted", ["auto", "gpu"])
def test_a_gpus_memory_is_not_taken_all_at_once_and_its_bits_repeat(monkeypatch, wanted):
    gpu, grown = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU"), []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    monkeypatch.setattr(
        tf.config.experimental, "set_memory_growth", lambda device, on: grown.append((device, on))
    )
    determined = []
    monkeypatch.setattr(
        tf.config.experimental, "enable_op_determinism", lambda: determined.append(True)
    )
    assert device.choose_device(wanted) == "gpu"
    assert determined
    assert grown == [(gpu, True)]
