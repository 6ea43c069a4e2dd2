"""The champion of the model registry, for the programs that use it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.tracking.attempts import short_reason
from src.tracking.registry import find_champion, registered_name
from src.tracking.store import SQLITE, connect, store_uri, without_secrets


@dataclass(frozen=True)
class Champion:
    """A registered model.

    Attributes:
        recipe: its name.
        weights_sha256: of the model.
        accuracy: on the validation images.
        uri: MLflow's address of the model.
    """

    recipe: str
    weights_sha256: str
    accuracy: float
    uri: str

    def download(self, folder: Path) -> Path:
        """Download the model to ``folder``; return the folder that contains ``model.keras``."""
        import mlflow

        mlflow.set_tracking_uri(store_uri())
        return Path(mlflow.artifacts.download_artifacts(self.uri, dst_path=str(folder)), "data")


def champion(dataset: dict[str, Any]) -> Champion | None:
    """The champion for a dataset, or None; a store that fails is a warning.

    Args:
        dataset: ``data/processed/dataset.json``.
    """
    uri, name = store_uri(), registered_name(dataset)
    if uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists():
        return None  # to connect would create a store
    try:
        version = find_champion(connect(uri), name)
    except Exception as error:
        print(
            f"warning: no champion from MLflow at {without_secrets(uri)} ({short_reason(error)})",
            file=sys.stderr,
        )
        return None
    if version is None:
        return None
    return Champion(
        version.tags["recipe"],
        version.tags["weights_sha256"],
        float(version.tags["validation_accuracy"]),
        f"models:/{name}/{version.version}",
    )
