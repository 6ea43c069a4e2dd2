"""The results over several seeds: the file, and the summary of those that count."""

import pandas as pd
import pytest

from src.common.errors import PipelineError
from src.common.paths import SEEDS
from src.config.recipe import training_fingerprint
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.reporting import seeds

DIGEST = "ab"
SETTINGS = {"device": "auto", "precision": "auto", "seed": 1, "threads": "auto"}


def rows(recipe: str, definition: str, *accuracies: float | None) -> pd.DataFrame:
    table = pd.DataFrame({"test_accuracy": accuracies, "seed": range(1, len(accuracies) + 1)})
    names = {"dataset": "mnist", "recipe": recipe, "definition": definition, "weights": "1e9"}
    table = table.assign(**names, parameters=7850, epochs=2.5, val_accuracy=0.9, val_loss=0.1)
    table = table.assign(test_loss=0.1, cold_start=4.0, seconds=table.seed * 10.0)
    table["ensemble_accuracy"] = 0.9
    return table[list(seeds.TYPES)].astype(seeds.TYPES)


def test_only_seeds_of_the_definition_with_a_test_accuracy_count():
    table = pd.concat(
        [rows("a", "new", 0.97, None, 0.99), rows("a", "old", 0.1), rows("b", "new", None)]
    )
    summary = seeds.seed_summary(table, {"b": "new", "a": "new", "c": "new"})
    assert list(summary.columns) == seeds.SUMMARY
    (row,) = summary.itertuples(index=False)
    assert row[:2] == ("a", 2)
    assert row[2:6] == pytest.approx(mean_interval([0.97, 0.99]))
    assert row.seconds == 20  # of the seeds 1 and 3


def test_the_file_is_read_as_it_was_written(tmp_path):
    # hexadecimal digits that look like a number, and a recipe that looks like a missing value
    table = pd.concat([rows("null", "123456789012", 0.5, None), rows("b", "1e5", 0.5)])
    write_csv(tmp_path / "seeds.csv", table)
    pd.testing.assert_frame_equal(
        seeds.load_seeds(tmp_path / "seeds.csv"), table.reset_index(drop=True)
    )


def test_without_a_file_there_are_no_seeds(tmp_path):
    assert seeds.load_seeds(tmp_path / "seeds.csv").empty
    assert seeds.seed_summary(seeds.load_seeds(tmp_path / "seeds.csv"), {"a": "new"}).empty


@pytest.mark.parametrize("content", ["", "<<<<<<< HEAD\n", "recipe\na\n", "\x00"])
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "seeds.csv"
    path.write_text(content)
    with pytest.raises(PipelineError, match=r"seeds\.csv cannot be read .*git checkout") as error:
        seeds.load_seeds(path)
    assert "\n" not in str(error.value)


def test_the_seeds_of_a_record_are_those_of_its_definition(tmp_path, tiny_recipe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = {"recipe": tiny_recipe, "train": SETTINGS, "dataset": {"digest": DIGEST}}
    own = training_fingerprint(tiny_recipe, SETTINGS | {"seed": 7}, DIGEST)
    write_csv(SEEDS, rows("tiny", own, 0.5, 0.6))
    unknown = record | {"recipe": tiny_recipe | {"removed_key": 1}}
    found = seeds.recorded_seeds({"unknown": unknown, "tiny": record})
    assert found[["recipe", "seeds"]].to_numpy().tolist() == [["tiny", 2]]
    other = record | {"dataset": {"digest": "other"}}
    assert seeds.recorded_seeds({"tiny": other}).empty
