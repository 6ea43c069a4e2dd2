"""The comparison as text: in the terminal and as Markdown.

``python -m src.reporting.report`` prints the last comparison and the next commands to try.
"""

import sys
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import atomic_file, read_json, write_json
from src.evaluation.tables import TestResults, write_csv
from src.reporting.agreement import other_processor_note
from src.reporting.comparison import Results
from src.reporting.published import NOT_COMPARABLE
from src.reporting.seeds import SIGNIFICANT, p_value_text, seeds_sentences, seeds_text

FEW_STEPS = 1000  # a small dataset has few batches in an epoch
CURVES = ["epoch", "loss", "val_loss", "val_accuracy"]  # columns of a history that are drawn
WIDTH = 150  # characters, if the output is not a terminal
NEXT = """Try next, after `. .venv/bin/activate`:
  dvc exp run -S model=cnn -S train.epochs=3        # change one parameter, as an experiment
  make experiments                                  # compare experiments
  make ui                                           # runs, curves and models in the browser"""


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
    }
    if "balanced_accuracy" in table:  # the sizes of the classes are very different
        text["balanced"] = table.balanced_accuracy.map(accuracy)
    text["95% interval"] = table.ci_low.map(accuracy) + "–" + table.ci_high.map(accuracy)
    if "seeds" in table:
        text["mean of seeds"] = [seeds_text(row) for row in rows]
    if table.values_published.any():
        text["published"] = [_published(row) for row in rows]
        text["reproduced"] = [_reproduced(row) for row in rows]
    return pd.DataFrame(text)


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
    of_recipes = {
        paths.PER_CLASS: [each.per_class for each in evaluations.values()],
        paths.TEST_BY_EPOCH: [each.by_epoch for each in evaluations.values()],
        paths.VALIDATION: [pd.DataFrame(each.history)[CURVES] for each in evaluations.values()],
    }
    for path, tables in of_recipes.items():
        write_csv(
            path, pd.concat(tables, keys=[*evaluations], names=["recipe"]).reset_index("recipe")
        )
    write_csv(paths.COMPARISON, results.table)
    write_csv(paths.PUBLISHED, results.published)
    write_json(paths.TEST, {name: each.metrics for name, each in evaluations.items()})
    write_json(paths.SUMMARY, results.summary)
    with atomic_file(paths.COMPARISON_TEXT) as partial:
        partial.write_text(to_markdown(results), "utf-8")


def new_console() -> Console:
    """The terminal; for a log file, a wide console."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def show(results: Results) -> None:
    """Print the comparison; a narrow terminal gets only the most important columns."""
    console, text, notes = new_console(), readable(results.table), sentences(results)
    for column in ("epochs", "parameters", "95% interval", "mean of seeds"):
        widths = [max(len(name), *map(len, text[name])) for name in text.columns]
        if sum(widths) + 3 * len(widths) + 1 > console.width:
            text = text.drop(columns=column, errors="ignore")
    title = f"Recipes on {results.summary['dataset']}, best on validation first"
    grid = Table(title=title, show_edge=False, title_justify="left")
    for column in text.columns:
        grid.add_column(column, justify="left" if column == "recipe" else "right", no_wrap=True)
    for row in text.itertuples(index=False):
        grid.add_row(*row)
    if "fallback_for" in results.summary:
        console.print(notes.pop(0), style="bold red", soft_wrap=not console.is_terminal)
    console.print(grid)
    for sentence in notes:
        console.print(sentence, soft_wrap=not console.is_terminal)


def main() -> None:
    if not paths.SUMMARY.exists():
        raise PipelineError(f"{paths.SUMMARY} is missing; run `dvc repro` first")
    summary = read_json(paths.SUMMARY, "compare")
    table = pd.read_csv(paths.COMPARISON, keep_default_na=False, na_values=[""])
    results = Results(table, pd.read_csv(paths.PUBLISHED), summary)
    show(results)
    print(f"\n{NEXT}")
    if note := other_processor_note(table):
        print(f"\n{note}")


if __name__ == "__main__":
    run(main)
