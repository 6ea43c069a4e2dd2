"""The registry's champion, for those who use it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.tracking.registry import CHAMPION, registered_name
from src.tracking.store import connect, store_uri, without_secrets


@dataclass(frozen=True)
class Champion:
    """What the registry tells of it.

    Attributes:
        recipe: its name.
        weights_sha256: of the model.
        accuracy: on the validation images.
        uri: by which MLflow loads it.
    """

    recipe: str
    weights_sha256: str
    accuracy: float
    uri: str

    def download(self, folder: Path) -> Path:
        """Fetch the model into ``folder``; the folder in it that holds ``model.keras``."""
        import mlflow

        mlflow.set_tracking_uri(store_uri())
        return Path(mlflow.artifacts.download_artifacts(self.uri, dst_path=str(folder)), "data")


def champion(dataset: dict[str, Any]) -> Champion | None:
    """The champion for a dataset; none where the store has none, or does not answer.

    Args:
        dataset: ``data/processed/dataset.json``.
    """
    uri, name = store_uri(), registered_name(dataset)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None  # asking would make a store
    try:
        found = {each.name: each for each in connect(uri).search_registered_models()}
        if name not in found or CHAMPION not in found[name].aliases:
            return None
        version = connect(uri).get_model_version_by_alias(name, CHAMPION)
    except Exception as error:
        why = without_secrets(" ".join(str(error).split()))[:200]
        print(f"warning: the MLflow registry does not answer ({why})", file=sys.stderr)
        return None
    return Champion(
        version.tags["recipe"],
        version.tags["weights_sha256"],
        float(version.tags["validation_accuracy"]),
        f"models:/{name}/{version.version}",
    )
