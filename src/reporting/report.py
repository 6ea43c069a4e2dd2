"""The comparison as text: in the terminal and as Markdown.

``python -m src.reporting.report`` prints the last comparison and the next commands to try. With
``--readme``, it copies the comparison into the README.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from src.common.errors import PipelineError, run
from src.common.files import atomic_file, read_json, write_json
from src.common.markdown import replace_section
from src.common.paths import (
    COMPARISON,
    COMPARISON_TEXT,
    PER_CLASS,
    PUBLISHED,
    SUMMARY,
    TEST,
    TEST_BY_EPOCH,
    TIMING,
    VALIDATION,
)
from src.evaluation.tables import TestResults, write_csv
from src.reporting.agreement import other_processor_note
from src.reporting.comparison import validation_curves
from src.reporting.published import NOT_COMPARABLE
from src.reporting.seeds import SIGNIFICANT, p_value_text, seeds_sentences, seeds_text

README = Path("README.md")
FEW_STEPS = 1000  # a small dataset has few batches in an epoch
NEXT = """Try next, after `. .venv/bin/activate`:
  dvc exp run -S model=cnn -S train.epochs=3        # change one parameter, as an experiment
  make experiments                                  # compare experiments
  make ui                                           # runs, curves and models in the browser"""


@dataclass(frozen=True)
class Results:
    """A comparison: the content of ``comparison.csv``, ``published.csv`` and ``summary.json``."""

    table: pd.DataFrame
    published: pd.DataFrame
    summary: dict[str, Any]


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison with text in every cell; – in empty cells.

    Without any published value, as on a dataset of the user, there are no columns for these values;
    without seeds, none for their mean ± standard deviation (number of seeds).
    """
    accuracy = "{:.4f}".format
    rows = list(table.itertuples())
    text = {
        "recipe": table.recipe,
        "parameters": table.parameters.map("{:,}".format),
        "epochs": table.epochs.round(2).map("{:,g}".format),
        "validation": table.validation_accuracy.map(accuracy),
        "test": table.test_accuracy.map(accuracy),
        "95% interval": table.ci_low.map(accuracy) + "–" + table.ci_high.map(accuracy),
    }
    readable = pd.DataFrame(text)
    if "seeds" in table:
        readable["mean of seeds"] = [seeds_text(row) for row in rows]
    if table.values_published.any():
        readable["published"] = [_published(row) for row in rows]
        readable["reproduced"] = [_reproduced(row) for row in rows]
    if "balanced_accuracy" in table:  # the sizes of the classes are very different
        own = table.balanced_accuracy.map(accuracy)
        readable.insert(readable.columns.get_loc("test") + 1, "balanced", own)
    return readable


def _published(row: Any) -> str:
    """The published test accuracy, and the number of its images if the author used a sample."""
    if pd.isna(row.published_accuracy):
        return "–"
    sample = "" if pd.isna(row.published_sample) else f" ({row.published_sample:.0f} images)"
    return f"{row.published_accuracy:.4g}{sample}"


def _reproduced(row: Any) -> str:
    if not row.values_published:
        return "–"
    if row.reproduced == NOT_COMPARABLE:
        return NOT_COMPARABLE
    return f"{row.reproduced}, {row.values_reproduced} of {row.values_published}"


def fallback_note(wanted: str) -> str:
    """The warning of results that are not for the ``wanted`` dataset."""
    return (
        f"NOT {wanted}: these results are for the fallback dataset, scikit-learn's 1,797 digits. "
        f"To use {wanted}, put its four IDX files into data/incoming, or connect to the network "
        "and run `dvc repro --force download`; then run `dvc repro`."
    )


def sentences(results: Results) -> list[str]:
    """What the table does not show: the dataset, significance, failures, differing values."""
    table, published, summary = results.table, results.published, results.summary
    lines = [fallback_note(summary["fallback_for"])] if "fallback_for" in summary else []
    lines += [f"Warning: {each}." for each in summary.get("warnings", [])]
    if len(table) > 1:
        best, second = table.iloc[0], table.iloc[1]
        differs = "differs" if second.p_value < SIGNIFICANT else "does not differ"
        lines.append(
            f"Best on validation: {best.recipe}. On the test images the runner-up, "
            f"{second.recipe}, {differs} significantly from it (McNemar's exact test, "
            f"{p_value_text(second.p_value)})."
        )
    lines += seeds_sentences(table)
    lines += _failures(table[table.ci_low <= table.baseline_accuracy])
    if changed := [*published[published.verdict == NOT_COMPARABLE].recipe.unique()]:
        lines.append(
            f"Not trained as published, so the published values are not comparable: "
            f"{', '.join(changed)}."
        )
    for row in published[published.verdict.isin(["above", "below"])].itertuples():
        value = f"{row.recipe}: {row.metric.replace('_', ' ')}"
        at = "" if pd.isna(row.epoch) else f" after epoch {row.epoch:.0f}"
        lines.append(
            f"{value}{at}: {row.ours:.4f} here, {row.published:.4f} published, a difference of "
            f"{row.ours - row.published:+.4f}: {row.verdict} the limits {row.allowed_low:.4f} to "
            f"{row.allowed_high:.4f}."
        )
    return lines


def _failures(failed: pd.DataFrame) -> list[str]:
    """A sentence about the recipes that have not learned the dataset; none if there are none."""
    if failed.empty:
        return []
    names = ", ".join(f"{row.recipe} ({row.steps:,} steps)" for row in failed.itertuples())
    advice = ""
    if failed.steps.min() < FEW_STEPS:
        advice = " An epoch of a small dataset has few steps: train for more epochs, or add images."
    return [
        "Not significantly better than always predicting the most frequent class "
        f"({failed.baseline_accuracy.iloc[0]:.4f}): {names}.{advice}"
    ]


def to_markdown(results: Results) -> str:
    """The comparison for ``metrics/comparison.md`` and the README."""
    text = readable(results.table)
    lines = [list(text.columns), ["---"] + ["---:"] * (len(text.columns) - 1), *text.to_numpy()]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return rows + "".join(f"\n{sentence}\n" for sentence in sentences(results))


def write(results: Results, evaluations: Mapping[str, TestResults]) -> None:
    """Write all outputs of the compare stage; ``evaluations`` are those of each recipe."""
    write_json(TEST, {name: each.metrics for name, each in evaluations.items()})
    write_csv(PER_CLASS, _joined({name: each.per_class for name, each in evaluations.items()}))
    write_csv(TEST_BY_EPOCH, _joined({name: each.by_epoch for name, each in evaluations.items()}))
    write_csv(VALIDATION, validation_curves(evaluations))
    write_csv(COMPARISON, results.table)
    write_csv(PUBLISHED, results.published)
    write_json(SUMMARY, results.summary)
    with atomic_file(COMPARISON_TEXT) as partial:
        partial.write_text(to_markdown(results), "utf-8")


def _joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["recipe"]).reset_index("recipe")


def training_seconds() -> dict[str, float]:
    """The training time of each recipe whose weights were trained here, from ``timing.csv``."""
    if not TIMING.exists():
        return {}
    weights = {name: each["weights_sha256"] for name, each in read_json(TEST, "evaluate").items()}
    last = pd.read_csv(TIMING).drop_duplicates("recipe", keep="last")
    return {
        row.recipe: row.seconds
        for row in last.itertuples()
        if row.weights_sha256 == weights.get(row.recipe)
    }


def show(results: Results) -> None:
    """Print the comparison; a narrow terminal gets only the most important columns."""
    console = Console(highlight=False)
    if not console.is_terminal:  # a log file, where the width does not matter
        console = Console(highlight=False, width=150)
    text, summary = readable(results.table), results.summary
    if seconds := training_seconds():
        own = [f"{seconds[name]:.1f}" if name in seconds else "–" for name in text.recipe]
        text.insert(3, "seconds", own)
    for column in ("seconds", "epochs", "parameters", "95% interval", "mean of seeds"):
        widths = [max(len(name), *map(len, text[name])) for name in text.columns]
        if sum(widths) + 3 * len(widths) + 1 > console.width:
            text = text.drop(columns=column, errors="ignore")
    title = f"Recipes on {summary['dataset']}, best on validation first"
    grid = Table(title=title, show_edge=False, title_justify="left")
    for column in text.columns:
        grid.add_column(column, justify="left" if column == "recipe" else "right", no_wrap=True)
    for row in text.itertuples(index=False):
        grid.add_row(*row)
    notes = sentences(results)
    if "fallback_for" in summary:
        console.print(Panel(notes.pop(0), title="FALLBACK DATASET", border_style="bold red"))
    console.print(grid)
    for sentence in notes:
        console.print(sentence, soft_wrap=not console.is_terminal)


def main() -> None:
    if not SUMMARY.exists():
        raise PipelineError(f"{SUMMARY} is missing; run `dvc repro` first")
    if "--readme" in sys.argv:
        page, comparison = README.read_text("utf-8"), COMPARISON_TEXT.read_text("utf-8")
        with atomic_file(README) as partial:
            partial.write_text(replace_section(page, "comparison", comparison), "utf-8")
        return
    tables = pd.read_csv(COMPARISON, keep_default_na=False, na_values=[""]), pd.read_csv(PUBLISHED)
    results = Results(*tables, read_json(SUMMARY, "compare"))
    show(results)
    print(f"\n{NEXT}")
    if note := other_processor_note(results.table):
        print(f"\n{note}")


if __name__ == "__main__":
    run(main)
