"""Stage evaluate: every trained model on the test split, which no other stage touches."""

from src.common.errors import run


def main() -> None:
    from src import tracking

    with tracking.background_logger() as log:  # connects while TensorFlow is imported
        evaluate()
        log("sync")


def evaluate() -> None:
    """Write all outputs."""
    from src.models.device import choose_device  # first: it quiets TensorFlow, which others import

    choose_device("auto")
    from contextlib import ExitStack

    import pandas as pd

    from src.common import paths
    from src.common.files import atomic_folder, read_json, write_csv, write_json
    from src.data.splits import load_split
    from src.evaluation.evaluation import Evaluation
    from src.models import artifacts
    from src.models.checkpoint import Checkpoint
    from src.plots.confusion_matrix import confusion_picture
    from src.plots.contact_sheet import mistake_sheet, write_png
    from src.plots.curves import curves_picture
    from src.plots.first_layer import first_layer_picture

    test = load_split(paths.PROCESSED, "test")
    validation = load_split(paths.PROCESSED, "validation")
    checkpoints = paths.main_checkout() / paths.CHECKPOINTS
    plans = [read_json(path, "plan") for path in sorted(paths.RECIPES.glob("*.json"))]
    selected = [plan["name"] for plan in plans if plan["selected"]]
    done = {}
    with ExitStack() as whole:
        predictions = whole.enter_context(atomic_folder(paths.PREDICTIONS))
        folders = [whole.enter_context(atomic_folder(folder)) for folder in paths.RECIPE_PLOTS]
        for name in selected:
            done[name] = each = Evaluation(paths.MODELS / name, test, validation)
            title = f"{name}, test accuracy {each.metrics['accuracy']:.4f}"
            print(title)
            (predictions / name).mkdir()
            write_csv(predictions / name / "test.csv", each.predictions)
            write_csv(predictions / name / "by_epoch.csv", each.by_epoch)
            pictures = (
                curves_picture(artifacts.load_history(paths.MODELS / name), name),
                confusion_picture(each.confusion, title),
                mistake_sheet(test[0], each.predictions, title),
                first_layer_picture(each.model, name),
            )
            for folder, picture in zip(folders, pictures, strict=True):
                write_png(picture, folder / f"{name}.png")
            Checkpoint(checkpoints, artifacts.load_record(paths.MODELS / name)).prune()
    per_class = {name: each.per_class for name, each in done.items()}
    write_csv(paths.PER_CLASS, pd.concat(per_class, names=["recipe"]).reset_index("recipe"))
    metrics = {}
    for name, each in done.items():
        weights = artifacts.load_record(paths.MODELS / name)["weights_sha256"]
        metrics[name] = each.metrics | {"weights_sha256": weights}
    write_json(paths.TEST, metrics)


if __name__ == "__main__":
    run(main)
