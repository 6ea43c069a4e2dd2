"""A training in words, as its run in MLflow introduces itself."""

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from src.reporting.published import PublishedResult


def recipe_line(record: dict[str, Any]) -> str:
    """The network and how it is trained, in a line.

    Args:
        record: ``training.json``, or the part of it that is known when the training begins.
    """
    recipe, data = record["recipe"], record["dataset"]
    layers = [f"{data['height']} × {data['width']} pixels"]
    activation = recipe.get("activation", "")
    if recipe["family"] == "cnn":
        filters = ", ".join(map(str, recipe["filters"]))
        layers.append(f"{recipe['kernel']} × {recipe['kernel']} convolutions ({filters})")
    layers += [f"{units} {activation}" for units in recipe.get("hidden", [])]
    layers.append(f"{data['classes']} classes")
    told = [" → ".join(layers)]
    if drops := [
        f"{rate:g} of {where}" for where, rate in recipe.get("dropout", {}).items() if rate
    ]:
        told.append(f"dropout {', '.join(drops)}")
    optimizer = recipe["optimizer"]
    told.append(f"{optimizer['kind']}, learning rate {optimizer['learning_rate']:g}")
    if recipe.get("schedule"):
        told.append(f"{recipe['schedule']['kind']} schedule")
    if recipe.get("l2"):
        told.append(f"L2 {recipe['l2']:g}")
    if recipe.get("averaging"):
        told.append("weights averaged")
    length = f"{recipe['steps']:,} steps" if recipe.get("steps") else f"{recipe['epochs']} epochs"
    told.append(f"batches of {recipe['batch_size']}, {length}")
    return "; ".join(told)


def data_line(dataset: dict[str, Any]) -> str:
    """The images, in a line."""
    counts = dataset["counts"]
    is_fallback = f", standing in for {dataset['requested']}" if dataset["is_fallback"] else ""
    return (
        f"{dataset['name']}{is_fallback}: {counts['train']:,} images to train on, "
        f"{counts['validation']:,} to validate"
    )


def commands(target: str, origin: dict[str, Any]) -> list[str]:
    """What to type to get the same result again; empty where no commit is known.

    Args:
        target: the stage, such as ``train@cnn``.
        origin: as ``tracking.origin`` gives it.
    """
    if not origin["revision"]:
        return []
    lines = [f"git checkout {origin['revision']}"]
    if origin["changes"]:
        changes = " ".join(f"-S {shlex.quote(change)}" for change in origin["changes"])
        lines.append(f"dvc exp run {changes} {target}")
    else:
        lines.append(f"dvc repro {target}")
    if origin["edited"]:
        lines.append("# and code that was not committed")
    return lines


def run_note(
    record: dict[str, Any], origin: dict[str, Any], results: list[str] | None = None
) -> str:
    """The Markdown description of a run.

    Args:
        record: as for ``recipe_line``.
        origin: as for ``commands``.
        results: lines on what came of it, once that is known.
    """
    lines = [
        f"**{record['name']}**: {recipe_line(record)}.",
        "",
        f"Data: {data_line(record['dataset'])}.",
    ]
    for result in results or []:
        lines += ["", result]
    if typed := commands(f"train@{record['name']}", origin):
        lines += ["", "To get it again:", "", *(f"    {line}" for line in typed)]
    return "\n".join(lines)


def result_lines(name: str, test: dict[str, float], judged: "list[PublishedResult]") -> list[str]:
    """The test accuracy with its interval, and the verdict on what its author printed.

    Args:
        name: of the recipe.
        test: its entry in ``metrics/test.json``.
        judged: the verdicts on all published figures.
    """
    lines = [
        f"Test accuracy **{test['accuracy']:.4f}** "
        f"(95% interval {test['ci_low']:.4f} to {test['ci_high']:.4f})."
    ]
    own = [row for row in judged if row.recipe == name]
    if own:
        done = sum(row.verdict == "reproduced" for row in own)
        last = own[-1]
        accuracies = [row for row in own if row.metric == "test_accuracy"]
        printed = f", test accuracy {accuracies[-1].published:g}" if accuracies else ""
        lines.append(
            f"Its author printed {len(own)} figures{printed}: {done} of {len(own)} reproduced."
            if len(own) > 1
            else f"Its author printed {last.metric} {last.published:g}: {last.verdict}."
        )
    return lines
