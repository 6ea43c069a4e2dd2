"""Stage evaluate: every trained model on the test split, which no other stage touches."""

from src.errors import run


def main() -> None:
    from src import paths, tracking

    with tracking.beside() as log:  # gets ready while TensorFlow is imported
        test = evaluate()
        for name, metrics in test.items():
            log(
                "evaluation",
                folder=str(paths.MODELS / name),
                metrics={f"test_{key}": value for key, value in metrics.items()},
                pictures={folder.name: str(folder / f"{name}.png") for folder in paths.PICTURES},
            )


def evaluate() -> dict[str, dict[str, float]]:
    """Write all outputs; for each selected recipe, its figures."""
    from src.device import choose_device  # first: it quiets TensorFlow, which others import

    choose_device("auto")
    from contextlib import ExitStack

    import pandas as pd

    from src import paths, trained
    from src.checkpoint import Checkpoint
    from src.confusion import confusion_picture
    from src.contact_sheet import mistake_sheet, write_png
    from src.curves import curves_picture
    from src.data import load_split
    from src.evaluation import Evaluation
    from src.files import read_json, whole_folder, write_csv, write_json
    from src.first_layer import first_layer_picture

    test = load_split(paths.PROCESSED, "test")
    validation = load_split(paths.PROCESSED, "validation")
    checkpoints = paths.main_checkout() / paths.CHECKPOINTS
    plans = [read_json(path, "plan") for path in sorted(paths.RECIPES.glob("*.json"))]
    selected = [plan["name"] for plan in plans if plan["selected"]]
    done = {}
    with ExitStack() as whole:
        predictions = whole.enter_context(whole_folder(paths.PREDICTIONS))
        folders = [whole.enter_context(whole_folder(folder)) for folder in paths.PICTURES]
        for name in selected:
            done[name] = each = Evaluation(paths.MODELS / name, test, validation)
            title = f"{name}, test accuracy {each.metrics['accuracy']:.4f}"
            print(title)
            write_csv(predictions / f"{name}.csv", each.predictions)
            pictures = (
                curves_picture(trained.load_history(paths.MODELS / name), name),
                confusion_picture(each.confusion, title),
                mistake_sheet(test[0], each.predictions, title),
                first_layer_picture(each.model, name),
            )
            for folder, picture in zip(folders, pictures, strict=True):
                write_png(picture, folder / f"{name}.png")
            Checkpoint(checkpoints, trained.load_record(paths.MODELS / name)).prune()
    for path, tables in (
        (paths.PER_CLASS, {name: each.per_class for name, each in done.items()}),
        (paths.TEST_BY_EPOCH, {name: each.by_epoch for name, each in done.items()}),
    ):
        write_csv(path, pd.concat(tables, names=["recipe"]).reset_index("recipe"))
    figures = {name: each.metrics for name, each in done.items()}
    write_json(paths.TEST, figures)
    return figures


if __name__ == "__main__":
    run(main)
