"""What a training says where the output is no terminal."""

from src.progress import TrainingProgress


def test_a_line_for_each_validation(capsys):
    with TrainingProgress("cnn") as progress:
        progress.on_progress(step=10, total_steps=20, steps_per_epoch=10, loss=0.7)
        progress.on_row({"epoch": 1.0, "step": 10, "loss": 0.5, "validation_accuracy": 0.9})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("cnn: epoch 1, loss 0.5000, validation accuracy 0.9000, ")
    assert lines[0].endswith(" s left")
