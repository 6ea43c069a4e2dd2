"""Images are streamed if they need too much memory, with a buffer of suitable size."""

import subprocess
from types import SimpleNamespace

import psutil
import pytest

from src.common.errors import PipelineError
from src.data import memory
from src.data.memory import choose_buffer_size, device_memory


def test_images_are_streamed_if_they_need_more_than_a_quarter_of_the_limit():
    assert choose_buffer_size((318_877, 28, 28), 100, 1, "cpu") is None
    assert choose_buffer_size((318_878, 28, 28), 100, 1, "cpu") is not None


def test_a_buffer_is_a_sixteenth_of_the_limit_in_complete_batches():
    size = choose_buffer_size((8_100_000, 28, 28), 128, 2, "cpu")
    assert size % 128 == 0
    assert 0 <= 2e9 / 16 - size * 784 < 128 * 784


def test_a_batch_larger_than_the_buffer_is_an_error():
    message = r"a batch of 100,000 images .* of 79,719 images that 1\.0 GB"
    with pytest.raises(PipelineError, match=message):
        choose_buffer_size((8_100_000, 28, 28), 100_000, 1, "cpu")


@pytest.mark.parametrize(("text", "expected"), [("1000000\n", 1e6), ("max\n", 8e9)])
def test_the_limit_of_a_container_is_used(monkeypatch, tmp_path, text, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    assert device_memory("cpu") == 8e9
    memory.CGROUP.write_text(text)
    assert device_memory("cpu") == expected


def test_the_memory_of_the_smallest_gpu_is_used(monkeypatch):
    done = SimpleNamespace(stdout="81559\n40960\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert device_memory("gpu") == 40960 * 2**20
    assert choose_buffer_size((10_000_000, 28, 28), 100, "auto", "gpu") is None


def test_an_unknown_gpu_memory_is_an_error(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PipelineError, match=r"set train\.memory_limit to the memory of the GPU"):
        device_memory("gpu")
