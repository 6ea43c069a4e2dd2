"""The progress is printed after each validation, and shown in a terminal."""

import re
from types import SimpleNamespace

import pytest

from src.callbacks.progress import TrainingProgress


def test_without_a_terminal_a_line_says_the_time_left_without_the_compilation(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    shown = TrainingProgress("cnn")
    monkeypatch.setattr(shown._bar, "get_time", lambda: clock.now)
    shown.set_params({"total_steps": 100, "steps_per_epoch": 20})
    shown.on_train_begin()
    row = {"epoch": 1.0, "loss": 0.5, "val_accuracy": 0.9}
    for end, seconds in ((10, 30), (20, 5), (40, 10)):
        clock.now += seconds
        shown.on_train_batch_end(end - 1, {"loss": 0.7})
        shown.on_epoch_end(0, row | {"step": end})
    shown.on_train_end()
    line = "cnn: epoch 1, loss 0.5000, validation accuracy 0.9000"
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line, f"{line}, 40 s left", f"{line}, 30 s left"]


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("name", ["cnn", "softmax_normal", "a_very_long_name" * 4])
def test_the_line_in_a_terminal_fits_and_shows_the_time_left(monkeypatch, capsys, columns, name):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    shown = TrainingProgress(name)
    shown.set_params({"total_steps": 2000, "steps_per_epoch": 100})
    shown.on_train_begin()
    shown.on_epoch_end(0, {"epoch": 9.9, "step": 990, "loss": 0.05, "val_accuracy": 0.98765})
    shown.on_train_batch_end(989, {"loss": 0.051234})
    shown.on_train_end()
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", capsys.readouterr().out).replace("\r", "\n")
    written = re.sub(r"\n+", "", written)
    line = written[written.rindex(name[:24]) :].rstrip()
    assert len(line) <= columns
    assert re.search(r" \S+ left, epoch 9\.9/2", line)
    if columns >= 80 and len(name) < 20:
        assert line.endswith("epoch 9.9/20, loss 0.0512, validation 0.9877")
