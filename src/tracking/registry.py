"""The model registry: the best model of each comparison; the best of these is the champion.

``predict`` and the demo use the champion.
"""

import json
from math import sqrt
from pathlib import Path
from textwrap import shorten
from typing import Any

from src.common.messages import warn
from src.models.record import Record
from src.tracking.runs import MAX_TEXT, find_model
from src.tracking.store import connect, short_reason, sqlite_path, store_uri

CHAMPION = "champion"  # the alias


def registered_name(dataset: dict[str, Any]) -> str:
    """Such as ``mnist-classifier``, or ``mnist-classifier-fallback`` for the fallback dataset."""
    if dataset["is_fallback"]:
        return f"{dataset['requested']}-classifier-fallback"
    return f"{dataset['name']}-classifier"


def champion(dataset: dict[str, Any]) -> Any:
    """The registered version that is the champion; its tags have its recipe and accuracy.

    None if there is none, if it has other data, or if the store fails, with a warning. ``dataset``
    is ``dataset.json``: the classes of other data can differ.
    """
    uri, name = store_uri(), registered_name(dataset)
    if (path := sqlite_path(uri)) and not path.exists():
        return None  # to connect would create a store
    try:
        version = _champion_version(connect(uri), name)
    except Exception as error:
        warn(f"no champion from MLflow at {uri} ({short_reason(error)})")
        return None
    return version if version and _is_ours(version, dataset) else None


def download(version: Any, folder: Path) -> Path:
    """Download a registered version to ``folder``; return the folder that has ``model.keras``."""
    import mlflow

    mlflow.set_tracking_uri(store_uri())
    uri = f"models:/{version.name}/{version.version}"
    return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)), "data")


def register(
    client: Any, run: Any, record: Record, test: dict[str, Any], minimum_skill: float
) -> str:
    """Register the model of a run once, and make it the champion if it is better.

    ``test`` is the entry of the recipe in ``metrics/test.json``. Returns a sentence that says what
    was done.
    """
    chance = record["dataset"]["majority_fraction"]  # accuracy of always predicting this class
    minimum = chance + minimum_skill * (1 - chance)
    if record["val_accuracy"] < minimum:
        return (
            f"{record['name']} is not registered, because its validation accuracy, "
            f"{record['val_accuracy']:.4f}, is below {minimum:.4f}, set by registry.minimum_skill"
        )
    name, model = registered_name(record["dataset"]), find_model(client, run, record)
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
    version = next((each for each in versions if each.source == f"models:/{model}"), None)
    if version is None:
        version = _create_version(client, name, run, model)
    client.update_model_version(name, version.version, model_card(record, test))
    tags = {  # few, because the list of versions shows all; the run has others
        "recipe": record["name"],
        "weights_sha256": record["weights_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        "classes": str(record["dataset"]["classes"]),  # the user can name more than have images
        "validation_accuracy": f"{record['val_accuracy']:.6f}",
        "corrupted_accuracy": f"{record['corrupted_accuracy']:.6f}",
        "least_evidence": f"{record['least_evidence']:.6f}",
        "test_accuracy": f"{test['accuracy']:.6f}",
    }
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    return _choose_champion(client, run, record, version.version)


def model_card(record: Record, test: dict[str, Any]) -> str:
    """The Markdown description of a version: what it is for, its data, limits and evaluation."""
    data, counts = record["dataset"], record["dataset"]["counts"]
    names = shorten(", ".join(map(str, data["class_names"])), 300, placeholder=" …")
    source = "a published dataset" if data["is_published"] else "your own dataset"
    accuracy, low, high = (f"{test[key]:.4f}" for key in ("accuracy", "ci_low", "ci_high"))
    warnings = "".join(f" Warning: {warning}." for warning in test.get("warnings", []))
    parts = [
        f"**Intended use.** To classify one gray image of {data['height']} × {data['width']} "
        f"pixels, light on dark, prepared as those of {data['name']}, as one of {data['classes']} "
        f"classes: {names}. For teaching and for comparing methods, not for decisions about "
        "people.",
        f"**Model.** Recipe {record['name']}: {record['parameters']:,} parameters. Its run has all "
        "settings, and the commands that reproduce it.",
        f"**Data.** {data['name']}, {source}: {counts['train']:,} training images. Some labels can "
        "be wrong.",
        "**Limits.** It always chooses one of these classes, also for an image of anything else. "
        "It was tested only on images like those of its training.",
        f"**Evaluation.** Chosen by its validation accuracy, {record['val_accuracy']:.4f} on "
        f"{counts['validation']:,} images. Test accuracy **{accuracy}** (95% interval {low} to "
        f"{high}), for which nothing was chosen.{warnings}",
    ]
    return "\n\n".join(parts)[:MAX_TEXT]


def _create_version(client: Any, name: str, run: Any, model: str | None) -> Any:
    import mlflow

    if not client.search_registered_models(f"name = '{name}'"):
        load = f'`mlflow.pyfunc.load_model("models:/{name}@{CHAMPION}")`'
        client.create_registered_model(name, description=f"To load the best model: {load}")
    mlflow.set_tracking_uri(client.tracking_uri)  # the registry resolves models:/ with it
    version = client.create_model_version(name, f"models:/{model}", run.info.run_id, model_id=model)
    # Otherwise the page of the model says that it is not registered.
    registered = json.dumps([{"name": name, "version": str(version.version)}])
    client.set_logged_model_tags(model, {"mlflow.modelVersions": registered})
    return version


def _choose_champion(client: Any, run: Any, record: Record, version: Any) -> str:
    """Make a version the champion if there is none that can be loaded, or if it is clearly better.

    That is by one standard error of the accuracy on the same validation images.
    """
    name, accuracy = registered_name(record["dataset"]), record["val_accuracy"]
    this, old = f"{record['name']}, version {version} of {name}", _champion_version(client, name)
    if old and str(old.version) == str(version):
        return f"{this}, is the champion"
    if old:
        stays = f"{this}, does not replace the champion, version {old.version}"
        if not _is_ours(old, record["dataset"]):
            return (
                f"{stays}, because that has other data, or because this project did not register "
                "it; move the alias in MLflow's UI, or give another dataset another data.name"
            )
        best = float(old.tags["validation_accuracy"])
        images = record["dataset"]["counts"]["validation"]
        # The standard error of the accuracy; one image is never enough.
        needed = max(2 / images, sqrt(best * (1 - best) / images))
        # `mlflow gc` deletes a model, but not its version.
        source = f"model_id = '{old.source.rpartition('/')[2]}'"
        exists = client.search_logged_models([run.info.experiment_id], source)
        if exists and accuracy <= best + needed - 1e-6:  # the tag has 6 digits
            return (
                f"{stays}: its validation accuracy, {accuracy:.4f}, must be at least {needed:.4f} "
                f"higher than {best:.4f}"
            )
    client.set_registered_model_alias(name, CHAMPION, version)
    return f"{this}, is the new champion: validation accuracy {accuracy:.4f}"


def _champion_version(client: Any, name: str) -> Any:
    """The version of a registered model that is the champion, or None."""
    found = client.search_registered_models(f"name = '{name}'")
    number = found[0].aliases.get(CHAMPION) if found else None
    return client.get_model_version(name, number) if number else None


def _is_ours(version: Any, dataset: dict[str, Any]) -> bool:
    """Whether this project registered a version, and trained it on this data."""
    expected = {"dataset_digest": dataset["digest"], "classes": str(dataset["classes"])}
    return version.tags.items() >= expected.items()
