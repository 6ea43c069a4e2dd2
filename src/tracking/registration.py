"""The model registry: the best model of each comparison, and which of them is the champion."""

import json
from math import sqrt
from typing import Any

from src.config.params import RegistryParams
from src.models.record import Record
from src.tracking.champion import CHAMPION, find_champion, is_own, registered_name
from src.tracking.description import NOTE, WEIGHTS
from src.tracking.existing_runs import find_by_weights, model_id
from src.tracking.mlflow_internals import VERSIONS_TAG
from src.tracking.model_card import loading, model_card


def minimum_accuracy(dataset: dict[str, Any], minimum_skill: float) -> float:
    """The lowest validation accuracy of a registered model.

    ``dataset`` is ``dataset.json``. The skill is (accuracy - c) / (1 - c), where c is the accuracy
    of always predicting the most frequent class.
    """
    chance = dataset["majority_fraction"]
    return chance + minimum_skill * (1 - chance)


def register(client: Any, record: Record, params: RegistryParams) -> str:
    """Register a trained model once, and make it the champion if it is better than the champion.

    Returns a sentence that says what was done.
    """
    minimum = minimum_accuracy(record["dataset"], params.minimum_skill)
    if record["val_accuracy"] < minimum:
        return (
            f"{record['name']} is not registered, because its validation accuracy, "
            f"{record['val_accuracy']:.4f}, is below {minimum:.4f}, set by registry.minimum_skill"
        )
    version = _find_version(client, record)
    if version is None:
        run = find_by_weights(client, record)
        model = model_id(client, run) if run else None
        if model is None:
            return _why_not_registered(record["name"], run)
        version = _create_version(client, record, run, model)
    _show_version(client, version)
    return _choose_champion(client, record, version)


def margin(accuracy: float, images: int) -> float:
    """By how much a new champion must be better than ``accuracy``, on this many images.

    It is the standard error of an accuracy p, √(p (1 - p) / n). One image is never enough.
    """
    return max(2 / images, sqrt(accuracy * (1 - accuracy) / images))


def _choose_champion(client: Any, record: Record, version: Any) -> str:
    """Move the alias if the version is better by the margin, on the same validation images."""
    name, accuracy = registered_name(record["dataset"]), record["val_accuracy"]
    this = f"{record['name']}, version {version.version} of {name}"
    champion = find_champion(client, name)
    if champion is None:
        client.set_registered_model_alias(name, CHAMPION, version.version)
        return f"{this}, is the first champion: validation accuracy {accuracy:.4f}"
    if str(champion.version) == str(version.version):
        return f"{this}, is the champion"
    if not is_own(champion):
        return (
            f"{this}, does not replace the champion, version {champion.version}, which this "
            "project did not register; you can move the alias in MLflow's UI"
        )
    if champion.tags["dataset_digest"] != record["dataset"]["digest"]:
        return (
            f"{this}, and the champion, version {champion.version}, were validated on different "
            "images, so the champion stays; move the alias in MLflow's UI, or give another dataset "
            "another data.name"
        )
    best = float(champion.tags["validation_accuracy"])
    needed = margin(best, record["dataset"]["counts"]["validation"])
    if not accuracy > best + needed - 1e-6:  # the tag has 6 digits
        return (
            f"{this}, does not replace the champion, version {champion.version}: its validation "
            f"accuracy, {accuracy:.4f}, must be at least {needed:.4f} higher than {best:.4f}"
        )
    client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"{this}, is the new champion: validation accuracy {accuracy:.4f}, before {best:.4f}"


def _why_not_registered(recipe: str, run: Any) -> str:
    if run is None:
        return (
            f"{recipe} is not registered, because its training is not in this store; `make send` "
            "logs it and registers it"
        )
    return (
        f"{recipe} is not registered, because its model was deleted in MLflow; delete its run "
        f"{run.info.run_id} too, and `make send` logs both again"
    )


def _find_version(client: Any, record: Record) -> Any:
    """The version with these weights, validated on these images, or None."""
    found = client.search_model_versions(
        f"name = '{registered_name(record['dataset'])}' "
        f"and tags.{WEIGHTS} = '{record['weights_sha256']}' "
        f"and tags.dataset_digest = '{record['dataset']['digest']}'"
    )
    return found[0] if found else None


def _create_version(client: Any, record: Record, run: Any, model: str) -> Any:
    """Register the model of the training's run."""
    import mlflow
    from mlflow.exceptions import MlflowException

    name = registered_name(record["dataset"])
    try:
        client.create_registered_model(name, description=loading(name))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = {  # few, because the list of versions shows all of them; the run has the others
        "recipe": record["name"],
        WEIGHTS: record["weights_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        "classes": str(record["dataset"]["classes"]),  # the user can name more than have images
        "validation_accuracy": f"{record['val_accuracy']:.6f}",
    }
    if (accuracy := run.data.metrics.get("test_accuracy")) is not None:
        tags["test_accuracy"] = f"{accuracy:.6f}"
    card = model_card(record, run.data.tags.get(NOTE, ""))
    mlflow.set_tracking_uri(client.tracking_uri)  # the registry resolves models:/ with it
    return client.create_model_version(
        name, f"models:/{model}", run.info.run_id, tags=tags, description=card, model_id=model
    )


def _show_version(client: Any, version: Any) -> None:
    """Name the version on the page of the model, which otherwise says that it is not registered.

    MLflow does this only if the model is registered through its UI or ``mlflow.register_model``.
    """
    from mlflow.exceptions import MlflowException

    try:
        model = client.get_logged_model(version.model_id or version.source.rpartition("/")[2])
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return  # it was deleted
    value = json.dumps([{"name": version.name, "version": str(version.version)}])
    if model.tags.get(VERSIONS_TAG) != value:
        client.set_logged_model_tags(model.model_id, {VERSIONS_TAG: value})
