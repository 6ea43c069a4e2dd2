"""The files of an evaluation, ``data/predictions/<recipe>/``, and tables as CSV files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from src.common.errors import PipelineError
from src.common.files import atomic_file, read_json, write_json

if TYPE_CHECKING:
    from src.models.record import Record

RESULTS, TEST = "results.json", "test.csv"


@dataclass(frozen=True)
class TestResults:
    """What ``compare`` needs to know of one trained model: the training, and the test results."""

    record: "Record"  # training.json
    history: list[dict[str, float]]  # the rows of history.csv
    metrics: dict[str, Any]  # the entry in metrics/test.json
    predictions: pd.DataFrame  # one row per test image: actual, predicted, probability
    by_epoch: pd.DataFrame  # epoch, accuracy; no rows if the weights of the epochs were not kept
    per_class: pd.DataFrame  # one row per class: class, label, precision, recall, f1, images
    test_digest: str  # of the test split


def write_results(folder: Path, results: TestResults) -> None:
    """Write the results of a model into a new folder."""
    folder.mkdir()
    names = "record", "history", "metrics", "test_digest"
    content = {name: getattr(results, name) for name in names}
    content |= {name: getattr(results, name).to_dict("list") for name in ("by_epoch", "per_class")}
    write_json(folder / RESULTS, content)
    write_csv(folder / TEST, results.predictions)


def read_evaluations(folder: Path) -> dict[str, TestResults]:
    """Read the results of all models, in the order of their names.

    Raises:
        PipelineError: a file is missing or damaged.
    """
    found = {}
    for each in sorted(folder.glob("*/")):
        try:
            content = read_json(each / RESULTS, "evaluate")
            content["by_epoch"] = pd.DataFrame(content["by_epoch"], dtype=float)
            content["per_class"] = pd.DataFrame(content["per_class"])
            found[each.name] = TestResults(**content, predictions=pd.read_csv(each / TEST))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PipelineError(
                f"{each} cannot be read ({error}); run `dvc repro -f evaluate`"
            ) from None
    if not found:
        raise PipelineError(f"{folder} has no results; run `dvc repro evaluate`")
    return found


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index, with 6 significant digits, completely or not at all."""
    with atomic_file(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
