"""The tags of a run: what was trained, its origin, and the description that MLflow shows."""

import json
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from src.models.record import Environment, RunConfig, stage_name
from src.tracking.origin import PATCH, Origin
from src.tracking.recipe_text import data_line, recipe_line

NOTE = "mlflow.note.content"  # the tag that MLflow shows as the description
WEIGHTS = "weights_sha256"  # set last: only a complete run has it
MAX_TAG = 5000  # characters, MLflow's limit
MAX_CHANGES = 3000  # characters in a description, which is a tag too


def commands(target: str, origin: Origin) -> list[str]:
    """The commands that reproduce a stage, such as ``train@cnn``; empty without a commit."""
    if not origin["revision"]:
        return []
    lines = [f"git checkout {origin['revision']}"]
    if origin["edited"] and origin.get("patch"):
        lines.append(f"git apply {PATCH}  # from the artifacts of this run")
        lines.append(f"dvc repro {target}")
        return lines
    if origin["changes"]:
        changes = " ".join(f"-S {shlex.quote(change)}" for change in origin["changes"])
        if len(changes) <= MAX_CHANGES:
            lines.append(f"dvc exp run {changes} {target}")
        else:
            lines.append(f"# params.yaml had too many changes to list: {len(origin['changes'])}")
    else:
        lines.append(f"dvc repro {target}")
    if origin["edited"]:
        lines.append("# the result also depends on changes that were not committed")
    return lines


def run_note(config: RunConfig, origin: Origin, results: Sequence[str] = ()) -> str:
    """The Markdown description of a run, with the lines of ``result_lines`` if it is tested.

    MLflow shows only the first lines, and above the metrics those of the system.
    """
    paragraphs = [
        *results[:1],
        f"**{config['name']}**: {recipe_line(config)}.",
        f"Data: {data_line(config['dataset'])}.",
        *results[1:],
    ]
    if lines := commands(stage_name(config), origin):
        paragraphs += ["To reproduce:", "\n".join(f"    {line}" for line in lines)]
    return "\n\n".join(paragraphs)


def result_lines(name: str, test: dict[str, Any], published: Sequence[Any]) -> list[str]:
    """The test accuracy of a recipe, warnings, and how many published values were reproduced.

    ``test`` is its entry in ``metrics/test.json``; ``published``, all of ``published.csv``.
    """
    lines = [
        f"Test accuracy **{test['accuracy']:.4f}** "
        f"(95% interval {test['ci_low']:.4f} to {test['ci_high']:.4f})."
    ]
    if "balanced_accuracy" in test:
        lines.append(f"Balanced test accuracy {test['balanced_accuracy']:.4f}.")
    lines += [f"Warning: {each}." for each in test.get("warnings", [])]
    own = [row for row in published if row.recipe == name]
    accuracies = [f"{row.published:g}" for row in own if row.metric == "test_accuracy"]
    if own and own[0].verdict == "not comparable":
        lines.append("Not trained as published: the published values are not comparable.")
    elif own:
        reproduced = sum(row.verdict == "reproduced" for row in own)
        last = f" (last test accuracy: {accuracies[-1]})" if accuracies else ""
        lines.append(f"Published values{last}: {reproduced} of {len(own)} reproduced.")
    return lines


def experiment_note(runs: str) -> str:
    """The description of an experiment; ``runs`` is the address of its page of runs."""
    return (
        "Each run is a training of a recipe: click its name to see its results, parameters, curves "
        "and plots. “comparison of …” is the table of all.\n\n"
        f"- [The runs, best first]({runs}). On the page of a run, **Model metrics** has its "
        "curves, and **Artifacts** its plots.\n"
        "- Select runs and click **Compare**, or click the symbol of a chart above the list.\n"
        "- **Model registry**, on the left, has the best model, with the alias `champion`.\n\n"
        "`dvc repro` adds runs; `make ui` logs those that are missing."
    )


def run_tags(record: RunConfig, origin: Origin) -> dict[str, str]:
    """The tags of the run of a training."""
    return origin_tags(origin) | {
        "recipe": record["name"],
        "recipe_sha256": record["recipe_sha256"],
        "dataset_digest": record["dataset"]["digest"],
        # An argument of `dvc repro`.
        "mlflow.source.name": f"dvc.yaml:{stage_name(record)}",
        "mlflow.source.type": "LOCAL",
        NOTE: run_note(record, origin),
    }


def environment_tags(environment: Environment) -> dict[str, str]:
    """The tags that describe what a training ran on."""
    return {
        "device": environment["device"],
        "compile": environment["compile"],
        "precision": environment["precision"],
        "threads": str(environment["threads"]),
        "processor": environment["processor"],
        "versions": ", ".join(map(" ".join, environment["versions"].items())),
    }


def origin_tags(origin: Origin) -> dict[str, str]:
    """The tags that describe an origin."""
    changes = json.dumps(origin["changes"]) if origin["changes"] else ""
    too_long = len(changes) > MAX_TAG
    edited = PATCH if origin.get("patch") else "true"
    tags = {
        "dvc_exp": origin["experiment"],
        "dvc_exp_baseline_rev": origin["baseline"],
        "dvc_stage": origin["stage"],
        "mlflow.user": origin["user"],
        "mlflow.source.git.commit": origin["revision"],
        "changes": "" if too_long else changes,
        "edited": edited if origin["edited"] or too_long else "",
    }
    return {name: value for name, value in tags.items() if value}


def origin_of(run: Any) -> Origin:
    """The origin that the tags of a run describe."""
    tags, changes = run.data.tags, None
    with suppress(ValueError):  # cut, by an earlier version of this project
        changes = json.loads(tags.get("changes", "[]"))
    return {
        "revision": tags.get("mlflow.source.git.commit", ""),
        "changes": changes or [],
        "edited": "edited" in tags or changes is None,
        "patch": PATCH if tags.get("edited") == PATCH else "",  # that there is one is enough
        "experiment": tags.get("dvc_exp"),
        "baseline": tags.get("dvc_exp_baseline_rev"),
        "stage": tags.get("dvc_stage"),
        "user": tags.get("mlflow.user", ""),
    }
