"""Images are streamed if they need too much memory, with a buffer of suitable size."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from src.common.errors import PipelineError
from src.training import memory
from src.training.memory import choose_buffer_size, usable_memory

MEASURED = """
import re
import numpy as np
from src.config.recipes import load_recipes
from src.training.execution import Execution
from src.training.memory import memory_of_training
from src.training.trainer import Trainer

side, batch = 110, 128
recipe = load_recipes()["cnn"].model_copy(update={"epochs": None, "steps": 1})
images = np.zeros((batch, side, side), np.uint8)
split = images, (np.arange(batch) % 10).astype(np.uint8)
trainer = Trainer(recipe, split, split, 10, 1, Execution("cpu", "graph", "float32"))
trainer.run()
needed = memory_of_training(trainer.steps, images.shape, batch, None)
# Not `ru_maxrss`: it starts with the memory of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(int(peak) * 1024 / needed)
"""


def test_images_are_streamed_in_complete_batches_if_they_need_a_quarter_of_the_memory():
    assert choose_buffer_size((318_877, 28, 28), 100, 1e9) is None
    assert choose_buffer_size((318_878, 28, 28), 100, 1e9) is not None
    size = choose_buffer_size((8_100_000, 28, 28), 128, 2e9)
    assert size % 128 == 0
    assert 0 <= 2e9 / 16 - size * 784 < 128 * 784  # a sixteenth of the memory


def test_a_batch_larger_than_the_buffer_is_an_error():
    with pytest.raises(PipelineError, match=r"a batch of 100,000 images .* of 79,719 images"):
        choose_buffer_size((8_100_000, 28, 28), 100_000, 1e9)


@pytest.mark.slow
def test_the_estimate_is_near_the_memory_that_a_training_needs(shell):
    done = shell(["python", "-c", MEASURED], Path(__file__).parents[3])
    assert 0.5 < float(done.stdout) < 1.05


@pytest.mark.parametrize(("text", "expected"), [("1000000\n", 1e6), ("max\n", 8e9), (None, 8e9)])
def test_the_limit_of_a_container_is_used(monkeypatch, tmp_path, text, expected):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    if text:
        memory.CGROUP.write_text(text)
    assert usable_memory("auto", "cpu") == expected
    assert usable_memory(1.5, "cpu") == 1.5e9


def test_the_memory_of_the_smallest_gpu_is_used_or_an_error_if_it_is_unknown(monkeypatch):
    with monkeypatch.context() as patch:
        done = SimpleNamespace(stdout="81559\n40960\n")
        patch.setattr(subprocess, "run", lambda *_, **__: done)
        assert usable_memory("auto", "gpu") == 40960 * 2**20
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PipelineError, match=r"set train\.memory_limit to the memory of the GPU"):
        usable_memory("auto", "gpu")
