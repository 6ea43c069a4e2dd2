"""The champion: the registered model that ``predict`` and the demo use."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.common.messages import escaped, warn
from src.tracking.attempts import short_reason
from src.tracking.description import WEIGHTS
from src.tracking.store import SQLITE, connect, store_uri

CHAMPION = "champion"  # the alias
OWN_TAGS = {"recipe", WEIGHTS, "dataset_digest", "validation_accuracy"}


def registered_name(dataset: dict[str, Any]) -> str:
    """``mnist-classifier``, or ``mnist-classifier-fallback`` for the fallback dataset.

    Instead of ``mnist``, it has the name of the dataset: for a user's own, ``data.name``.
    """
    if dataset["is_fallback"]:
        return f"{dataset['requested']}-classifier-fallback"
    return f"{dataset['name']}-classifier"


@dataclass(frozen=True)
class Champion:
    """A registered model."""

    recipe: str  # name
    weights_sha256: str
    accuracy: float  # on the validation images
    uri: str  # MLflow's address of the model

    def download(self, folder: Path) -> Path:
        """Download the model to ``folder``; return the folder that contains ``model.keras``."""
        import mlflow

        mlflow.set_tracking_uri(store_uri())
        return Path(mlflow.artifacts.download_artifacts(self.uri, dst_path=str(folder)), "data")


def champion(dataset: dict[str, Any]) -> Champion | None:
    """The champion, or None; a failing store is a warning.

    A champion that was trained on other data than that of ``dataset``, a ``dataset.json``, is not
    used: its classes can differ.
    """
    uri, name = store_uri(), registered_name(dataset)
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        return None  # to connect would create a store
    try:
        version = find_champion(connect(uri), name)
    except Exception as error:
        warn(f"no champion from MLflow at {uri} ({short_reason(error)})")
        return None
    if version is None:
        return None
    address, tags = f"models:/{name}/{version.version}", version.tags
    if not is_own(version):
        warn(
            f"the champion, version {version.version} of {name} in MLflow, is not used, because "
            "this project did not register it; move the alias to another version in MLflow's UI"
        )
        return None
    classes = str(dataset["classes"])
    if tags["dataset_digest"] != dataset["digest"] or tags.get("classes", classes) != classes:
        return None
    recipe, accuracy = escaped(tags["recipe"]), float(tags["validation_accuracy"])
    return Champion(recipe, tags[WEIGHTS], accuracy, address)


def find_champion(client: Any, name: str) -> Any:
    """The version of a registered model that is the champion, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None


def is_own(version: Any) -> bool:
    """Whether this project registered a version: it has the tags that this module reads."""
    with suppress(ValueError):
        accuracy = float(version.tags.get("validation_accuracy", ""))
        return version.tags.keys() >= OWN_TAGS and 0 <= accuracy <= 1  # not NaN
    return False
