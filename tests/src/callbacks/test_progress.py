"""The progress is printed and logged after each validation."""

import time
from types import SimpleNamespace

import pytest

from src.callbacks.live_curves import LiveCurves
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


@pytest.mark.parametrize(("step", "stopped"), [(20, False), (10, True)])
def test_rows_are_logged_with_the_names_of_the_history(step, stopped):
    sent = []
    curves = LiveCurves(lambda what, **details: sent.append((what, details["rows"])))
    curves.set_params({"total_steps": 20})
    curves.set_model(SimpleNamespace(stop_training=False))
    curves.on_epoch_end(0, {"step": 5, "val_loss": 0.2, "val_accuracy": 0.9})
    ((what, (row,)),) = sent
    assert row.pop("at") == pytest.approx(time.time(), abs=60)
    assert (what, row) == ("rows", {"step": 5, "val_loss": 0.2, "val_accuracy": 0.9})
    curves.set_model(SimpleNamespace(stop_training=stopped))
    curves.SECONDS = 0
    curves.on_epoch_end(1, {"step": step, "val_loss": 0.1, "val_accuracy": 0.9})
    assert len(sent) == 1  # the last row is logged at the end
