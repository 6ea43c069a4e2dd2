"""The model registry: the best model of each comparison; the best of these is the champion.

``predict`` and the demo use the champion.
"""

import json
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from src.common.messages import escaped, warn
from src.models.record import Record
from src.tracking.description import MAX_TAG, WEIGHTS, data_line, recipe_line
from src.tracking.model import ready_model
from src.tracking.store import NOTE, connect, short_reason, sqlite_path, store_uri

CHAMPION = "champion"  # the alias
TAGS = {"recipe", WEIGHTS, "dataset_digest", "classes", "validation_accuracy"}  # of each version
MOST_NAMES = 30  # classes that a model card lists
LOADING = """The best model of each comparison; the best of these has the alias `champion`.
To load the champion, from the folder of the project:

    import mlflow
    mlflow.set_tracking_uri("sqlite:///mlflow.db")  # or the address of your server
    model = mlflow.pyfunc.load_model("models:/{name}@champion")

`model.predict(images)` takes `uint8 [N, H, W]`; it returns `class`, `label` and `probabilities`."""


@dataclass(frozen=True)
class Champion:
    """The champion."""

    recipe: str  # name
    weights_sha256: str
    accuracy: float  # on the validation images
    uri: str  # MLflow's address of the model

    def download(self, folder: Path) -> Path:
        """Download the model to ``folder``; return the folder that contains ``model.keras``."""
        import mlflow

        mlflow.set_tracking_uri(store_uri())
        return Path(mlflow.artifacts.download_artifacts(self.uri, dst_path=str(folder)), "data")


def registered_name(dataset: dict[str, Any]) -> str:
    """``mnist-classifier``, or ``mnist-classifier-fallback`` for the fallback dataset.

    Instead of ``mnist``, it has the name of the dataset: for a user's own, ``data.name``.
    """
    if dataset["is_fallback"]:
        return f"{dataset['requested']}-classifier-fallback"
    return f"{dataset['name']}-classifier"


def champion(dataset: dict[str, Any]) -> Champion | None:
    """The champion, or None; a failing store is a warning.

    A champion that was trained on other data than that of ``dataset``, a ``dataset.json``, is not
    used: its classes can differ.
    """
    uri, name = store_uri(), registered_name(dataset)
    if (path := sqlite_path(uri)) and not path.exists():
        return None  # to connect would create a store
    try:
        version = _champion(connect(uri), name)
    except Exception as error:
        warn(f"no champion from MLflow at {uri} ({short_reason(error)})")
        return None
    if version is None:
        return None
    tags = version.tags
    if not tags.keys() >= TAGS:
        warn(
            f"the champion, version {version.version} of {name} in MLflow, is not used, because "
            "this project did not register it; move the alias to another version in MLflow's UI"
        )
        return None
    if not _has_data(tags, dataset):
        return None
    accuracy, address = float(tags["validation_accuracy"]), f"models:/{name}/{version.version}"
    return Champion(escaped(tags["recipe"]), tags[WEIGHTS], accuracy, address)


def register(client: Any, record: Record, run: Any, minimum_skill: float) -> str:
    """Register the model of a run once, and make it the champion if it is better.

    Returns a sentence that says what was done.
    """
    chance = record["dataset"]["majority_fraction"]  # accuracy of always predicting this class
    minimum = chance + minimum_skill * (1 - chance)
    if record["val_accuracy"] < minimum:
        return (
            f"{record['name']} is not registered, because its validation accuracy, "
            f"{record['val_accuracy']:.4f}, is below {minimum:.4f}, set by registry.minimum_skill"
        )
    name, tags = registered_name(record["dataset"]), _tags(record, run)
    card, model = model_card(record, run.data.tags.get(NOTE, "")), ready_model(client, run)
    same = " and ".join(f"tags.{key} = '{tags[key]}'" for key in (WEIGHTS, "dataset_digest"))
    versions = client.search_model_versions(f"name = '{name}' and {same}")
    version = next((version for version in versions if _exists(client, version)), None)
    if version is None:
        version = _create_version(client, name, run, str(model), tags, card)
    elif version.description != card:  # the test results have changed
        client.update_model_version(name, version.version, card)
        for key, value in tags.items():
            client.set_model_version_tag(name, version.version, key, value)
    return _choose_champion(client, record, version)


def margin(accuracy: float, images: int) -> float:
    """By how much a new champion must be better than ``accuracy``, on this many images.

    It is the standard error of an accuracy p, √(p (1 - p) / n). One image is never enough.
    """
    return max(2 / images, sqrt(accuracy * (1 - accuracy) / images))


def model_card(record: Record, run_note: str) -> str:
    """The Markdown description of a version: what it is for, its data, limits and evaluation.

    ``run_note`` is the description of the run that trained it: the results, and the commands.
    """
    data, repeated = record["dataset"], (f"**{record['name']}**", "Data:")
    results = [part for part in run_note.split("\n\n") if not part.startswith(repeated)]
    names = ", ".join(map(str, data["class_names"][:MOST_NAMES]))
    more = ", …" if len(data["class_names"]) > MOST_NAMES else ""
    source = "a published dataset" if data["is_published"] else "your own dataset"
    parts = [
        f"The model of recipe {record['name']}, trained on {data['name']}.",
        f"**Intended use.** To classify one gray image of {data['height']} × {data['width']} "
        f"pixels, light on dark, prepared as those of {data['name']}, as one of {data['classes']} "
        f"classes: {names}{more}. For teaching and for comparing methods, not for decisions about "
        "people.",
        f"**Model.** {recipe_line(record)}; {record['parameters']:,} parameters.",
        f"**Data.** {data_line(data)}; {source}. Some labels can be wrong.",
        "**Limits.** It always chooses one of these classes, also for an image of anything else. "
        "It was tested only on images like those of its training.",
        f"**Evaluation.** Chosen by its validation accuracy, {record['val_accuracy']:.4f} on "
        f"{data['counts']['validation']:,} images. The test images were used for nothing but "
        "these results:",
    ]
    return "\n\n".join([*parts, *results])[:MAX_TAG]


def _tags(record: Record, run: Any) -> dict[str, str]:
    """The tags of a version: few, because the list of versions shows all; the run has others."""
    tags = {
        "recipe": record["name"],
        WEIGHTS: record["weights_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        "classes": str(record["dataset"]["classes"]),  # the user can name more than have images
        "validation_accuracy": f"{record['val_accuracy']:.6f}",
    }
    accuracy = run.data.metrics.get("test_accuracy")
    return tags if accuracy is None else tags | {"test_accuracy": f"{accuracy:.6f}"}


def _create_version(
    client: Any, name: str, run: Any, model: str, tags: dict[str, str], card: str
) -> Any:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=LOADING.format(name=name))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    mlflow.set_tracking_uri(client.tracking_uri)  # the registry resolves models:/ with it
    version = client.create_model_version(
        name, f"models:/{model}", run.info.run_id, tags=tags, description=card, model_id=model
    )
    # Otherwise the page of the model says that it is not registered.
    registered = json.dumps([{"name": name, "version": str(version.version)}])
    client.set_logged_model_tags(model, {"mlflow.modelVersions": registered})
    return version


def _choose_champion(client: Any, record: Record, version: Any) -> str:
    """Move the alias if the version is better by the margin, on the same validation images."""
    name, accuracy = registered_name(record["dataset"]), record["val_accuracy"]
    this, old = f"{record['name']}, version {version.version} of {name}", _champion(client, name)
    before = ""
    if old and str(old.version) == str(version.version):
        return f"{this}, is the champion"
    if old and _exists(client, old):
        stays = f"{this}, does not replace the champion, version {old.version}"
        if not (old.tags.keys() >= TAGS and _has_data(old.tags, record["dataset"])):
            return (
                f"{stays}, which has other data, or which this project did not register; move the "
                "alias in MLflow's UI, or give another dataset another data.name"
            )
        best = float(old.tags["validation_accuracy"])
        needed = margin(best, record["dataset"]["counts"]["validation"])
        if accuracy <= best + needed - 1e-6:  # the tag has 6 digits
            return (
                f"{stays}: its validation accuracy, {accuracy:.4f}, must be at least {needed:.4f} "
                f"higher than {best:.4f}"
            )
        before = f", before {best:.4f}"
    client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"{this}, is the new champion: validation accuracy {accuracy:.4f}{before}"


def _champion(client: Any, name: str) -> Any:
    """The version of a registered model that is the champion, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None


def _exists(client: Any, version: Any) -> bool:
    """Whether the model of a version exists: `mlflow gc` deletes it, but not the version."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(client.list_logged_model_artifacts(version.source.rpartition("/")[2]))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _has_data(tags: dict[str, str], dataset: dict[str, Any]) -> bool:
    expected = dataset["digest"], str(dataset["classes"])
    return (tags["dataset_digest"], tags["classes"]) == expected
