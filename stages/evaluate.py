"""Stage evaluate: every trained model on the test split, which no other stage touches."""

from typing import TYPE_CHECKING

from src import paths, tracking
from src.errors import run
from src.files import read_json, whole_folder, write_csv, write_json

if TYPE_CHECKING:
    from src.evaluation import Evaluation


def main() -> None:
    with tracking.beside() as log:  # gets ready while TensorFlow is imported
        for name, evaluation in evaluate().items():
            figures = {f"test_{key}": value for key, value in evaluation.metrics.items()}
            picture = str(paths.CONFUSION / f"{name}.png")
            log("evaluation", paths.MODELS / name, metrics=figures, pictures=[picture])


def evaluate() -> dict[str, "Evaluation"]:
    """Write all outputs; the evaluation of each selected recipe."""
    from src.device import choose_device  # first: it quiets TensorFlow, which others import

    choose_device("auto")
    import pandas as pd

    from src.confusion import confusion_picture
    from src.contact_sheet import write_png
    from src.data import load_split
    from src.evaluation import Evaluation

    splits = load_split(paths.PROCESSED, "test"), load_split(paths.PROCESSED, "validation")
    plans = [read_json(path, "plan") for path in sorted(paths.RECIPES.glob("*.json"))]
    names = [plan["name"] for plan in plans if plan["selected"]]
    done = {}
    with whole_folder(paths.PREDICTIONS) as predictions, whole_folder(paths.CONFUSION) as pictures:
        for name in names:
            done[name] = evaluation = Evaluation(paths.MODELS / name, *splits)
            title = f"{name}, test accuracy {evaluation.metrics['accuracy']:.4f}"
            print(title)
            write_csv(predictions / f"{name}.csv", evaluation.predictions)
            write_png(confusion_picture(evaluation.confusion, title), pictures / f"{name}.png")
    for path, tables in (
        (paths.PER_CLASS, {name: each.per_class for name, each in done.items()}),
        (paths.TEST_BY_EPOCH, {name: each.by_epoch for name, each in done.items()}),
    ):
        write_csv(path, pd.concat(tables, names=["recipe"]).reset_index("recipe"))
    write_json(paths.TEST, {name: each.metrics for name, each in done.items()})
    return done


if __name__ == "__main__":
    run(main)
