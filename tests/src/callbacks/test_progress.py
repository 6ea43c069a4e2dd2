"""The progress is printed and logged after each validation."""

import re
import time
from types import SimpleNamespace

import pytest

from src.callbacks.progress import TrainingProgress


def test_without_a_terminal_a_line_is_printed_for_each_validation(capsys):
    progress = TrainingProgress("cnn")
    progress.set_params({"total_steps": 20, "steps_per_epoch": 10})
    progress.on_train_begin()
    progress.on_train_batch_begin(0)
    progress.on_train_batch_end(9, {"loss": 0.7})
    progress.on_epoch_end(0, {"epoch": 1.0, "step": 10, "loss": 0.5, "val_accuracy": 0.9})
    progress.on_train_end()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cnn: epoch 1, loss 0.5000, validation accuracy 0.9000, ")
    assert lines[0].endswith(" s left")


def test_the_time_left_does_not_count_the_compilation(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    progress = TrainingProgress("cnn")
    progress.set_params({"total_steps": 100, "steps_per_epoch": 20})
    progress.on_train_begin()
    row = {"epoch": 1.0, "loss": 0.5, "val_accuracy": 0.9}
    for first, end, seconds in ((0, 10, 30), (10, 20, 5), (20, 40, 10)):
        progress.on_train_batch_begin(first)
        clock.now += seconds
        progress.on_train_batch_end(end - 1, {"loss": 0.7})
        progress.on_epoch_end(0, row | {"step": end})
    left = [line.rpartition(", ")[2] for line in capsys.readouterr().out.splitlines()]
    assert left == ["270 s left", "40 s left", "30 s left"]


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("name", ["cnn", "softmax_normal", "a_very_long_name" * 4])
def test_the_line_in_a_terminal_fits_and_shows_the_time_left(monkeypatch, capsys, columns, name):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    progress = TrainingProgress(name)
    progress.set_params({"total_steps": 2000, "steps_per_epoch": 100})
    progress.on_train_begin()
    progress.on_train_batch_begin(0)
    progress.on_epoch_end(0, {"epoch": 9.9, "step": 990, "loss": 0.05, "val_accuracy": 0.98765})
    progress.on_train_batch_end(989, {"loss": 0.051234})
    progress.on_train_end()
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", capsys.readouterr().out).replace("\r", "\n")
    written = re.sub(r"\n+", "", written)
    line = written[written.rindex(name[:24]) :].rstrip()
    assert len(line) <= columns
    assert re.search(r" \S+ left, epoch 9\.9/2", line)
    if columns >= 80 and len(name) < 20:
        assert line.endswith("epoch 9.9/20, loss 0.0512, validation 0.9877")
