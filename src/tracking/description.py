"""The texts of a run: parameters, tags, and the description that MLflow shows."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from src.config.yaml_files import flat
from src.models.record import RunConfig, stage_name
from src.tracking.notes import Note, Origin

WEIGHTS = "weights_sha256"  # the tag by which a run is found
MAX_TAG = 5000  # characters, MLflow's limit
ENVIRONMENT = ("device", "compile", "precision", "threads", "processor")  # tags
MAX_PARAM = 6000  # characters, MLflow's limit


def parameters(config: RunConfig) -> dict[str, str]:
    """All settings of a recipe, also those with default values, under the names of
    ``recipes.yaml``; the settings in ``train``; and the number of weights, as ``parameters``.
    """
    settings = dict(flat(config["recipe"])) | {"parameters": config["parameters"]}
    settings |= flat(config["train"], "train.")
    return {
        key: (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM]
        for key, value in settings.items()
        if value is not None
    }


def recipe_line(config: RunConfig) -> str:
    """The network and the length of its training, on one line."""
    recipe, data = config["recipe"], config["dataset"]
    layers = [f"{data['height']} × {data['width']} pixels"]
    convolutions = recipe.get("convolutions", [])  # of the family convnet
    filters = recipe.get("filters", [layer["filters"] for layer in convolutions])
    if filters:
        kernels = {layer["kernel"] for layer in convolutions} or {recipe["kernel"]}
        sizes = ", ".join(f"{kernel} × {kernel}" for kernel in sorted(kernels))
        layers.append(f"{sizes} convolutions ({', '.join(map(str, filters))})")
    layers += [f"{units} {recipe['activation']}" for units in recipe.get("hidden", [])]
    layers.append(f"{data['classes']} classes")
    optimizer = recipe["optimizer"]
    length = f"{recipe['steps']:,} steps" if recipe.get("steps") else f"{recipe['epochs']} epochs"
    return (
        f"{' → '.join(layers)}; {optimizer['kind']}, learning rate "
        f"{optimizer['learning_rate']:g}; batches of {recipe['batch_size']}, {length}"
    )


def data_line(dataset: dict[str, Any]) -> str:
    """The dataset, on one line."""
    counts = dataset["counts"]
    return (
        f"{dataset['name']}: {counts['train']:,} training images, {counts['validation']:,} "
        "validation images"
    )


def run_note(config: RunConfig, origin: Origin) -> str:
    """The Markdown description of a run: network, data, and the commands that reproduce it."""
    paragraphs = [
        f"**{config['name']}**: {recipe_line(config)}.",
        f"Data: {data_line(config['dataset'])}.",
    ]
    if lines := commands(stage_name(config), origin):
        paragraphs += ["To reproduce:", "\n".join(f"    {line}" for line in lines)]
    return "\n\n".join(paragraphs)[:MAX_TAG]


def commands(stage: str, origin: Origin) -> list[str]:
    """The commands that reproduce a stage, such as ``train@cnn``; empty without a commit."""
    if not origin["revision"]:
        return []
    changes = "".join(f" -S {shlex.quote(change)}" for change in origin["changes"])
    lines = [f"git checkout {origin['revision']}"]
    lines.append(f"dvc exp run{changes} {stage}" if changes else f"dvc repro {stage}")
    if origin["edited"]:
        lines.append("# the result also depends on changes that were not committed")
    return lines


def with_results(note: str, name: str, results: Sequence[str]) -> str:
    """The description of a run with its results in front, in place of earlier results."""
    first = f"**{name}**: "
    return "\n\n".join([*results, first + note.partition(first)[2]])[:MAX_TAG]


def result_lines(test: dict[str, Any]) -> list[str]:
    """The test accuracy of a recipe, and warnings, from its entry in ``metrics/test.json``."""
    accuracy, low, high = (f"{test[key]:.4f}" for key in ("accuracy", "ci_low", "ci_high"))
    warnings = [f"Warning: {warning}." for warning in test.get("warnings", [])]
    return [f"Test accuracy **{accuracy}** (95% interval {low} to {high}).", *warnings]


def run_tags(config: RunConfig, note: Note) -> dict[str, str]:
    """The tags of the run of a training."""
    origin, environment = note["origin"], note["environment"]
    changes = json.dumps(origin["changes"]) if origin["changes"] else ""
    too_long = len(changes) > MAX_TAG
    tags = {
        "recipe": config["name"],
        "recipe_sha256": config["recipe_sha256"],
        "dataset_digest": config["dataset"]["digest"],
        "dvc_exp": origin["experiment"],
        "changes": "" if too_long else changes,
        "edited": "true" if origin["edited"] or too_long else "",
        "mlflow.user": origin["user"],
        "mlflow.source.git.commit": origin["revision"],
        "mlflow.source.name": f"dvc.yaml:{stage_name(config)}",  # an argument of `dvc repro`
        "mlflow.source.type": "LOCAL",
        "restored": "" if environment else "true",  # from DVC's cache, or from a remote
    }
    if environment:
        tags |= {key: str(value) for key, value in environment.items() if key in ENVIRONMENT}
        tags["versions"] = ", ".join(map(" ".join, environment["versions"].items()))
    return {name: value for name, value in tags.items() if value}
