"""What the tags of a run say: what is trained, and where it comes from."""

import json
from typing import Any

from src.models.record import RunConfig
from src.tracking import describe

NOTE = "mlflow.note.content"  # the tag that MLflow shows as a description


def run_tags(record: RunConfig, origin: dict[str, Any]) -> dict[str, str]:
    tags = {
        "recipe": record["name"],
        "recipe_sha256": record["recipe_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        **{key: record[key] for key in ("device", "compile", "precision")},
        "mlflow.source.name": f"dvc.yaml:train@{record['name']}",  # `dvc repro` takes this
        "mlflow.source.type": "LOCAL",
        NOTE: describe.run_note(record, origin),
    }
    return tags | origin_tags(origin)


def origin_tags(origin: dict[str, Any]) -> dict[str, str]:
    tags = {
        "dvc_exp": origin["experiment"],
        "dvc_exp_baseline_rev": origin["baseline"],
        "dvc_stage": origin["stage"],
        "mlflow.user": origin["user"],
        "mlflow.source.git.commit": origin["revision"],
        "changes": json.dumps(origin["changes"])[:5000] if origin["changes"] else None,
        "edited": "true" if origin["edited"] else None,
    }
    return {name: value for name, value in tags.items() if value}


def origin_of(run) -> dict[str, Any]:
    """What a run's own tags say of its origin."""
    tags = run.data.tags
    return {
        "revision": tags.get("mlflow.source.git.commit", ""),
        "changes": json.loads(tags.get("changes", "[]")),
        "edited": "edited" in tags,
    }
