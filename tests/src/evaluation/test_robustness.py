"""The table of the errors on corrupted images, and what of an earlier one is kept."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from src.common.errors import PipelineError
from src.evaluation import corruptions
from src.evaluation.robustness import (
    COLUMNS,
    MEAN,
    TEST_SETS,
    UNCHANGED,
    by_test_set,
    kept_rows,
    measure,
)
from src.evaluation.tables import write_csv

HASH = "123456789012" + "0" * 52  # its first digits could be read as a number


class DarkOrLight:
    """A classifier: class 1 if the mean of an image is at least 100."""

    def logits(self, images):
        return np.eye(2, dtype=np.float32)[(images.mean((1, 2)) >= 100).astype(int)]


def table(**errors):
    """The table of recipes that have the same error on all test sets."""
    rows = [
        (recipe, HASH[:12], *test_set, error)
        for recipe, error in errors.items()
        for test_set in TEST_SETS
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_errors_are_counted_over_all_parts(monkeypatch):
    monkeypatch.setattr(corruptions, "CHUNK_PIXELS", 3 * 64)
    images = np.zeros((10, 8, 8), np.uint8)
    images[4:] = 255
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1], np.uint8)
    found = measure({"a": DarkOrLight()}, {"a": HASH}, images, labels, Console(file=io.StringIO()))
    assert set(found.weights) == {"123456789012"}
    wide = by_test_set(found).loc["a"]
    assert wide[UNCHANGED] == 0.1
    assert wide[("contrast", 3)] == 0.1, "a uniform image has no contrast to lose"
    assert wide[("inversion", 3)] == 0.9


def test_a_written_table_is_read_as_it_was(tmp_path):
    written = table(null=0.25, a=0.5)
    write_csv(tmp_path / "table.csv", written)
    kept = kept_rows(tmp_path / "table.csv", {"null": HASH, "a": HASH, "other": HASH})
    expected = written.sort_values("recipe", kind="stable")
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), expected.reset_index(drop=True))


def test_rows_of_other_weights_and_incomplete_ones_are_not_kept(tmp_path):
    written = table(a=0.5, b=0.5, c=0.5)
    write_csv(tmp_path / "table.csv", written[:-1])
    kept = kept_rows(tmp_path / "table.csv", {"a": HASH, "b": "9" + HASH[1:], "c": HASH})
    assert set(kept.recipe) == {"a"}
    assert kept_rows(tmp_path / "table.csv", {}).empty


def test_without_a_table_nothing_is_kept(tmp_path):
    kept = kept_rows(tmp_path / "table.csv", {"a": HASH})
    assert kept.empty and list(kept) == COLUMNS


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "<<<<<<< HEAD\nrecipe,weights\n"])
def test_another_file_is_an_error(tmp_path, content):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(PipelineError, match="is not a table of this program"):
        kept_rows(tmp_path / "table.csv", {"a": HASH})


def test_the_recipe_with_the_lowest_mean_error_is_first():
    wide = by_test_set(table(a=0.5, b=0.25, c=0.75))
    assert list(wide.index) == ["b", "a", "c"]
    assert list(wide.columns) == [*TEST_SETS, MEAN]
    changed = table(a=0.5)
    changed.loc[0, "error"] = 0  # unchanged images do not count for the mean
    assert by_test_set(changed).loc["a", [MEAN]].item() == 0.5
