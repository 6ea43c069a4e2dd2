"""Progress in a terminal and elsewhere; TensorBoard's files, without which a training goes on."""

import errno
import re
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.callbacks import training
from src.callbacks.training import BestEffort, TensorBoard, TrainingProgress
from src.common.tensorflow import keras, tf
from src.config.recipe import load_recipe


def test_without_a_terminal_a_line_says_the_time_left_without_the_compilation(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    shown = TrainingProgress("cnn")
    monkeypatch.setattr(shown._bar, "get_time", lambda: clock.now)
    shown.set_params({"total_steps": 100, "steps_per_epoch": 20})
    shown.on_train_begin()
    row = {"epoch": 1.0, "loss": 0.5, "val_accuracy": 0.9}
    for end, seconds, is_row in (
        *((10, 30, True), (15, 40, False)),  # the first step and the first validation compile
        *((20, 5, True), (40, 10, True)),
    ):
        clock.now += seconds
        shown.on_train_batch_end(end - 1, {"loss": 0.7})
        if is_row:
            shown.on_epoch_end(0, row | {"step": end})
    shown.on_train_end()
    line = "cnn: epoch 1, loss 0.5000, validation accuracy 0.9000"
    lines = capsys.readouterr().out.splitlines()
    assert lines == [line, f"{line}, 80 s left", f"{line}, 36 s left"]


@pytest.mark.parametrize(("rows", "lines"), [(3, 3), (20, 20), (1000, 20)])
def test_without_a_terminal_a_training_prints_at_most_20_lines(capsys, rows, lines):
    shown = TrainingProgress("cnn")
    shown.set_params({"total_steps": 2 * rows, "steps_per_epoch": 2})
    for epoch in range(rows):
        shown.on_train_batch_end(2 * epoch + 1, {"loss": 0.7})
        row = {"epoch": epoch + 1.0, "step": 2 * epoch + 2, "loss": 0.5, "val_accuracy": 0.9}
        shown.on_epoch_end(epoch, row)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == lines
    assert "epoch 1," in printed[0] and f"epoch {rows}," in printed[-1]


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


@pytest.fixture
def train(new_trainer, tiny_recipe, tmp_path):
    """Train with the callback, or another one."""

    def train(callback=None, **changes):
        trainer = new_trainer(load_recipe(tiny_recipe | changes))
        return trainer.run([callback or TensorBoard(tmp_path / "logs")])

    return train


def events(folder):
    return EventAccumulator(str(folder), {"tensors": 0}).Reload()


def test_the_files_contain_scalars_histograms_and_the_graph(train, tmp_path):
    rows = train(epochs=12).history
    losses, validation = (events(tmp_path / "logs" / name) for name in ("train", "validation"))
    for found, tag, name in (
        (losses, "epoch_loss", "loss"),
        (validation, "epoch_loss", "val_loss"),
        (validation, "epoch_accuracy", "val_accuracy"),
    ):
        scalars = found.Tensors(tag)
        assert [each.step for each in scalars] == [row["epoch"] for row in rows]
        values = [tf.make_ndarray(each.tensor_proto) for each in scalars]
        assert values == pytest.approx([row[name] for row in rows])
    tags = losses.Tags()["tensors"]
    (kernel, _) = [tag for tag in tags if tag.endswith("histogram")]
    assert 5 <= len(losses.Tensors(kernel)) <= training.HISTOGRAMS
    assert "keras" in tags  # the graph


def test_rows_between_epochs_have_their_own_numbers(train, tmp_path):
    train(epochs=None, steps=40, validate_every=18)  # epochs 1.5, 3 and 3.3
    scalars = events(tmp_path / "logs/train").Tensors("epoch_loss")
    assert [each.step for each in scalars] == [2, 3, 4]


def test_a_validation_within_an_epoch_is_named_by_its_step(train, capsys):
    train(TrainingProgress("mlp"), epochs=None, steps=40, validate_every=18)
    named = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert named == ["mlp: step 18", "mlp: epoch 3", "mlp: step 40"]


def test_large_weights_have_no_histograms(train, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "MAX_HISTOGRAM", 10)
    train()
    tags = events(tmp_path / "logs/train").Tags()["tensors"]
    assert "epoch_loss" in tags and not any("histogram" in tag for tag in tags)


@pytest.mark.parametrize("hook", training.HOOKS)
def test_a_full_disk_at_any_time_is_one_warning_and_a_bug_is_none(train, hook, capfd):
    class Full(keras.callbacks.Callback):
        error: Exception = OSError(errno.ENOSPC, "No space left on device")

    def fail(self, *arguments, logs=None):
        raise self.error

    setattr(Full, hook, fail)
    assert len(train(callback=BestEffort(Full(), "no curves")).history) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "No space left on device" in line
    Full.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        train(callback=BestEffort(Full(), "no curves"))
