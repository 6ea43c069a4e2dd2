"""The model registry: models that are at least as good as the champion, the best of them."""

import json
from math import sqrt
from textwrap import shorten
from typing import Any

from src.models.record import Record
from src.tracking.store import MAX_TEXT

CHAMPION = "champion"  # the alias


def registered_name(dataset: dict[str, Any]) -> str:
    """Such as ``mnist-classifier``, or ``mnist-classifier-fallback`` for the fallback dataset."""
    if dataset["is_fallback"]:
        return f"{dataset['requested']}-classifier-fallback"
    return f"{dataset['name']}-classifier"


def register(
    client: Any, run: Any, model: str, record: Record, test: dict[str, Any], minimum_skill: float
) -> str:
    """Register the model of a run if it is good enough; make it the champion if it is better.

    It is good enough with ``minimum_skill``, and at least the validation accuracy of the champion
    minus its standard error; it is better with more than this accuracy plus the standard error.
    ``test`` is the entry of the recipe in ``metrics/test.json``. Returns a sentence that says what
    was done.
    """
    data, accuracy = record["dataset"], record["val_accuracy"]
    name, this = registered_name(data), f"{record['name']} (validation accuracy {accuracy:.4f})"
    chance = data["majority_fraction"]  # accuracy of always predicting this class
    minimum = chance + minimum_skill * (1 - chance)
    if accuracy < minimum:
        return f"{this} is not registered: below {minimum:.4f}, set by registry.minimum_skill"
    old, is_better = _champion_version(client, name), True
    if old and not old.tags.items() >= _data_tags(data).items():
        return (
            f"{this} is not registered: the champion, version {old.version} of {name}, has other "
            "data, or this project did not register it; for another dataset, add "
            "-S data.name=NAME; otherwise, delete the alias in MLflow's UI"
        )
    if old:
        best, images = float(old.tags["validation_accuracy"]), data["counts"]["validation"]
        # The standard error of the accuracy; one image is never enough.
        error = max(2 / images, sqrt(best * (1 - best) / images))
        than = f"the champion, version {old.version} of {name}: {best:.4f} ± {error:.4f}"
        if accuracy < best - error:
            return f"{this} is not registered: worse than {than}"
        is_better = accuracy > best + error - 1e-6  # the tag has 6 digits
    version = str(_register_version(client, name, run, model, record, test).version)
    if is_better:
        client.set_registered_model_alias(name, CHAMPION, version)
        return f"{this} is the new champion, version {version} of {name}"
    if version == str(old.version):
        return f"{this} is the champion, version {version} of {name}"
    return f"{this} is version {version}, as good as {than}"


def _register_version(
    client: Any, name: str, run: Any, model: str, record: Record, test: dict[str, Any]
) -> Any:
    """The registered version of a model, created if necessary, with its card and tags."""
    import mlflow

    mlflow.set_tracking_uri(client.tracking_uri)  # the registry resolves models:/ with it
    source = f"models:/{model}"
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
    version = next((each for each in versions if each.source == source), None)
    if version is None:
        if not client.search_registered_models(f"name = '{name}'"):
            load = f'`mlflow.pyfunc.load_model("models:/{name}@{CHAMPION}")`'
            client.create_registered_model(name, description=f"To load the best model: {load}")
        version = client.create_model_version(name, source, run.info.run_id, model_id=model)
        # Otherwise the page of the model says that it is not registered.
        registered = json.dumps([{"name": name, "version": str(version.version)}])
        client.set_logged_model_tags(model, {"mlflow.modelVersions": registered})
    client.update_model_version(name, version.version, model_card(record, test))
    tags = {  # few, because the list of versions shows all; the run has others
        "recipe": record["name"],
        "weights_sha256": record["weights_sha256"],
        "validation_accuracy": f"{record['val_accuracy']:.6f}",
        "test_accuracy": f"{test['accuracy']:.6f}",
        **_data_tags(record["dataset"]),
    }
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    return version


def model_card(record: Record, test: dict[str, Any]) -> str:
    """The Markdown description of a version: what it is for, its limits, data and evaluation."""
    data, counts = record["dataset"], record["dataset"]["counts"]
    names = shorten(", ".join(map(str, data["class_names"])), 300, placeholder=" …")
    warnings = "".join(f" Warning: {warning}." for warning in test.get("warnings", []))
    return (
        f"**Intended use.** To classify one gray image of {data['height']} × {data['width']} "
        f"pixels, light on dark, prepared as those of {data['name']}, as one of {data['classes']} "
        f"classes: {names}. It chooses one of these also for an image of anything else. For "
        "teaching and for comparing methods, not for decisions about people.\n\n"
        f"**Model.** Recipe {record['name']}, trained on {counts['train']:,} images. Its run has "
        "all settings, and the commands that reproduce it.\n\n"
        f"**Evaluation.** Chosen by its validation accuracy, {record['val_accuracy']:.4f} on "
        f"{counts['validation']:,} images. Test accuracy **{test['accuracy']:.4f}** (95% interval "
        f"{test['ci_low']:.4f} to {test['ci_high']:.4f}), for which nothing was chosen.{warnings}"
    )[:MAX_TEXT]


def _champion_version(client: Any, name: str) -> Any:
    """The version of a registered model that is the champion, or None."""
    found = client.search_registered_models(f"name = '{name}'")
    number = found[0].aliases.get(CHAMPION) if found else None
    return client.get_model_version(name, number) if number else None


def _data_tags(dataset: dict[str, Any]) -> dict[str, str]:
    # Only this project sets them. The classes, because the user can name more than have images.
    return {"dataset_digest": dataset["digest"], "classes": str(dataset["classes"])}
