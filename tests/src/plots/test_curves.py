"""The plot of the learning curves."""

from src.plots.contact_sheet import write_png
from src.plots.curves import curves_figure


def test_curves_show_every_row(tmp_path):
    history = [
        {"epoch": n, "loss": 1 / n, "val_loss": 1.1 / n, "val_accuracy": 1 - 0.5 / n}
        for n in range(1, 5)
    ]
    figure = curves_figure(history, "cnn")
    losses, accuracies = figure.axes
    assert [len(line.get_xdata()) for line in losses.lines] == [4, 4]
    assert accuracies.lines[0].get_ydata()[-1] == 0.875
    write_png(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
