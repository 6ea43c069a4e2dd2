"""The plot of the learning curves."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def curves_figure(history: list[dict[str, float]], title: str) -> Figure:
    """Draw loss and accuracy by epoch, from the rows of ``history.csv``."""
    figure = Figure((9, 3.6), dpi=100, layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(history) < 40 else None

    def draw(axes: Axes, key: str, label: str) -> None:
        axes.plot(epochs, [row[key] for row in history], marker=marker, markersize=3, label=label)

    draw(losses, "loss", "training")
    draw(losses, "val_loss", "validation")
    losses.set(xlabel="epoch", ylabel="cross-entropy, nats")
    values = [row[key] for row in history for key in ("loss", "val_loss")]
    if min(values) > 0 and max(values) > 20 * min(values):
        losses.set_yscale("log")
    losses.legend()
    draw(accuracies, "val_accuracy", "validation")
    accuracies.set(xlabel="epoch", ylabel="validation accuracy")
    for axes in (losses, accuracies):
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title)
    return figure
