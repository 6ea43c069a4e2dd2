"""The tags of a run: what was trained, and its origin."""

import json
from typing import Any

from src.models.record import RunConfig
from src.tracking import description
from src.tracking.origin import Origin

NOTE = "mlflow.note.content"  # the tag that MLflow shows as the description
WEIGHTS = "weights_sha256"  # set last: only a complete run has it
MAX_TAG = 5000  # characters, MLflow's limit


def run_tags(record: RunConfig, origin: Origin) -> dict[str, str]:
    """The tags of the run of a training."""
    tags = {
        "recipe": record["name"],
        "recipe_sha256": record["recipe_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        "device": record["device"],
        "compile": record["compile"],
        "precision": record["precision"],
        "mlflow.source.name": f"dvc.yaml:train@{record['name']}",  # an argument of `dvc repro`
        "mlflow.source.type": "LOCAL",
        NOTE: description.run_note(record, origin),
    }
    return tags | origin_tags(origin)


def origin_tags(origin: Origin) -> dict[str, str]:
    """The tags that describe an origin."""
    changes = json.dumps(origin["changes"]) if origin["changes"] else ""
    too_long = len(changes) > MAX_TAG
    tags = {
        "dvc_exp": origin["experiment"],
        "dvc_exp_baseline_rev": origin["baseline"],
        "dvc_stage": origin["stage"],
        "mlflow.user": origin["user"],
        "mlflow.source.git.commit": origin["revision"],
        "changes": "" if too_long else changes,
        "edited": "true" if origin["edited"] or too_long else "",
    }
    return {name: value for name, value in tags.items() if value}


def origin_of(run: Any) -> Origin:
    """The origin that the tags of a run describe."""
    tags = run.data.tags
    return {
        "revision": tags.get("mlflow.source.git.commit", ""),
        "changes": json.loads(tags.get("changes", "[]")),
        "edited": "edited" in tags,
        "experiment": tags.get("dvc_exp"),
        "baseline": tags.get("dvc_exp_baseline_rev"),
        "stage": tags.get("dvc_stage"),
        "user": tags.get("mlflow.user", ""),
    }
