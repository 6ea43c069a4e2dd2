"""What the model registry shows: the card of a registered version, and how to load the champion."""

from src.models.record import Record
from src.tracking.champion import CHAMPION
from src.tracking.description import MAX_TAG, data_line, recipe_line

MOST_NAMES = 30  # classes that a card lists


def loading(name: str) -> str:
    """The Markdown description of a registered model: how to load its champion."""
    return "\n".join(
        (
            "The best model of each comparison; the best of these has the alias `champion`.",
            "To load the champion, from the folder of the project:",
            "",
            "    import mlflow",
            '    mlflow.set_tracking_uri("sqlite:///mlflow.db")  # or the address of your server',
            f'    model = mlflow.pyfunc.load_model("models:/{name}@{CHAMPION}")',
            "",
            "`model.predict(images)` takes `uint8 [N, H, W]`, and returns `class`, `label` and "
            "`probabilities`.",
        )
    )


def model_card(record: Record, run_note: str) -> str:
    """The Markdown description of a version: what it is for, its data, limits and evaluation.

    ``run_note`` is the description of the run that trained it: the results, and the commands.
    """
    data = record["dataset"]
    repeated = f"**{record['name']}**", "Data:"
    results = [part for part in run_note.split("\n\n") if not part.startswith(repeated)]
    size = f"{data['height']} × {data['width']}"
    names = ", ".join(map(str, data["class_names"][:MOST_NAMES]))
    more = ", …" if len(data["class_names"]) > MOST_NAMES else ""
    source = "a published dataset" if data["is_published"] else "your own dataset"
    sections = {
        "Intended use": f"To classify one gray image of {size} pixels, light on dark, prepared as "
        f"those of {data['name']}, as one of {data['classes']} classes: {names}{more}. For "
        "teaching and for comparing methods, not for decisions about people.",
        "Model": f"Recipe {record['name']}: {recipe_line(record)}; {record['parameters']:,} "
        "parameters.",
        "Data": f"{data_line(data)}; {source}. The labels were used as they are: some of them "
        "can be wrong.",
        "Limits": "It always chooses one of these classes, also for an image of anything else. It "
        "was tested only on images like those of its training: of other sizes, backgrounds or "
        "writers, it can be less accurate. The probabilities are those of the softmax function, "
        "without calibration.",
        "Evaluation": f"Chosen by its validation accuracy, {record['val_accuracy']:.4f} on "
        f"{data['counts']['validation']:,} images. The test images were used for nothing but "
        "these results:",
    }
    parts = [f"The model of recipe {record['name']}, trained on {data['name']}."]
    parts += [f"**{title}.** {text}" for title, text in sections.items()]
    return "\n\n".join([*parts, *results])[:MAX_TAG]
