"""The model registry: the best model of each comparison, and which of them is the champion."""

from typing import Any

from src.models.record import Record
from src.tracking import runs
from src.tracking.logged_model import model_id
from src.tracking.tags import NOTE

CHAMPION = "champion"  # the alias


def registered_name(dataset: dict[str, Any]) -> str:
    """``mnist-classifier``, or ``mnist-classifier-fallback``."""
    if dataset["is_fallback"]:
        return f"{dataset['requested']}-classifier-fallback"
    return f"{dataset['name']}-classifier"


def register(client, record: Record, minimum: float) -> str:
    """Register a trained model, unless it is, and make it champion if it beats the champion.

    It does if its validation accuracy is higher, on the same images: a tie keeps the old one.

    Args:
        client: of the store.
        record: ``training.json`` of the model.
        minimum: validation accuracy below which nothing is registered.

    Returns:
        What was done, in a sentence.
    """
    name, accuracy = registered_name(record["dataset"]), record["val_accuracy"]
    digest, weights = record["dataset"]["digest"], record["weights_sha256"]
    if accuracy < minimum:
        return (
            f"{record['name']} is not registered: its validation accuracy, {accuracy:.4f}, is "
            f"below registry.minimum_accuracy, {minimum}"
        )
    version = _version(client, name, weights, digest)
    if version is None:
        import mlflow

        mlflow.set_tracking_uri(client.tracking_uri)  # by which the registry looks for models:/
        run = runs.find(client, record)
        if run is None:
            return (
                f"{record['name']} is not registered: its run is not in this store any more; "
                "`dvc repro --force --single-item evaluate compare` logs it again"
            )
        _make_model(client, name)
        version = client.create_model_version(
            name,
            f"models:/{model_id(run)}",
            run.info.run_id,
            tags={
                "recipe": record["name"],
                "recipe_sha256": record["recipe_sha256"],
                "weights_sha256": weights,
                "dataset_digest": digest,
                "validation_accuracy": f"{accuracy:.6f}",
                **{
                    key: value
                    for key, value in run.data.tags.items()
                    if key in ("mlflow.source.git.commit", "dvc_exp", "dvc_exp_baseline_rev")
                },
                **{k: f"{v:.6f}" for k, v in run.data.metrics.items() if k.startswith("test_")},
            },
            description=run.data.tags.get(NOTE),
            model_id=model_id(run),
        )
    own = f"{record['name']}, version {version.version} of {name}"
    champion = _champion(client, name)
    if champion is None:
        client.set_registered_model_alias(name, CHAMPION, version.version)
        return f"{own}, is the first champion: validation accuracy {accuracy:.4f}"
    if str(champion.version) == str(version.version):
        return f"{own}, is the champion"
    if champion.tags.get("dataset_digest") != digest:
        return (
            f"{own}, and the champion, version {champion.version}, were validated on different "
            "images, so the champion stays; the alias can be moved in MLflow's UI"
        )
    best = float(champion.tags.get("validation_accuracy", "nan"))
    if not round(accuracy, 6) > best:
        return (
            f"{own}, does not beat the champion, version {champion.version}: validation "
            f"accuracy {accuracy:.4f} against {best:.4f}"
        )
    client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"{own}, is the new champion: validation accuracy {accuracy:.4f} after {best:.4f}"


def _version(client, name: str, weights: str, digest: str):
    """The version with these weights, validated on these images, or None."""
    wanted = f"name = '{name}' and tags.weights_sha256 = '{weights}'"
    found = client.search_model_versions(f"{wanted} and tags.dataset_digest = '{digest}'")
    return found[0] if found else None


def _make_model(client, name: str) -> None:
    """Make the registered model, unless it is there."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description="The best model of each comparison.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _champion(client, name: str):
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None
