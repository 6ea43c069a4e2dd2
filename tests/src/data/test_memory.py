"""When images are streamed, and in windows of how many."""

import subprocess
from types import SimpleNamespace

import psutil
import pytest

from src.common.errors import PipelineError
from src.data import memory
from src.data.memory import choose_buffer_size, device_memory


def test_images_that_fit_a_quarter_of_the_limit_stay():
    assert choose_buffer_size((318_877, 28, 28), 100, 1, "cpu") is None
    assert choose_buffer_size((318_878, 28, 28), 100, 1, "cpu") is not None


def test_a_window_is_a_sixteenth_in_whole_batches():
    size = choose_buffer_size((8_100_000, 28, 28), 128, 2, "cpu")
    assert size % 128 == 0
    assert 0 <= 2e9 / 16 - size * 784 < 128 * 784


def test_a_batch_larger_than_a_window_is_a_sentence():
    with pytest.raises(PipelineError, match=r"a batch of 100,000 images .* of 79,719 that 1\.0 GB"):
        choose_buffer_size((8_100_000, 28, 28), 100_000, 1, "cpu")


@pytest.mark.parametrize(("told", "expected"), [("1000000\n", 1e6), ("max\n", 8e9)])
def test_a_containers_own_limit_counts(monkeypatch, tmp_path, told, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    assert device_memory("cpu") == 8e9
    memory.CGROUP.write_text(told)
    assert device_memory("cpu") == expected


def test_the_smallest_gpu_counts(monkeypatch):
    done = SimpleNamespace(stdout="81559\n40960\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert device_memory("gpu") == 40960 * 2**20
    assert choose_buffer_size((10_000_000, 28, 28), 100, "auto", "gpu") is None


def test_a_gpu_that_does_not_tell_its_memory_is_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PipelineError, match=r"set train\.memory_limit to it, in GB"):
        device_memory("gpu")
