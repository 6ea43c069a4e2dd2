"""What a training says where the output is no terminal."""

from src.progress import TrainingProgress


def test_a_line_for_each_validation(capsys):
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
