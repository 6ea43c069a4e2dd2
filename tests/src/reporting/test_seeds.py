"""The results over several seeds: the file, and the spread of those that count."""

import numpy as np
import pandas as pd
import pytest

from src.common.errors import PipelineError
from src.common.paths import SEEDS
from src.evaluation import tables
from src.evaluation.statistics import mean_interval
from src.evaluation.tables import write_csv
from src.reporting import seeds

SETTINGS = {"device": "auto", "precision": "auto", "seed": 1, "threads": "auto"}


def rows(recipe: str, key: str, *accuracies: float | None) -> pd.DataFrame:
    table = pd.DataFrame({"test_accuracy": accuracies, "seed": range(1, len(accuracies) + 1)})
    names = {"dataset": "mnist", "recipe": recipe, "weights": "1e9"}
    table = table.assign(**names, parameters=7850, epochs=2.5, val_accuracy=0.9, val_loss=0.1)
    table = table.assign(key=key, test_loss=0.1, cold_start=4.0)
    table = table.assign(seconds=table.seed * 10.0, ensemble_accuracy=0.9)
    return table[list(seeds.TYPES)].astype(seeds.TYPES)


def test_the_file_is_read_as_it_was_written(tmp_path):
    assert seeds.load_seeds(tmp_path / "seeds.csv").empty
    # hexadecimal digits that look like a number, and a recipe that looks like a missing value
    table = pd.concat([rows("null", "123456789012", 0.5, None), rows("b", "1e5", 0.5)])
    write_csv(tmp_path / "seeds.csv", table)
    pd.testing.assert_frame_equal(
        seeds.load_seeds(tmp_path / "seeds.csv"), table.reset_index(drop=True)
    )


@pytest.mark.parametrize("content", ["", "<<<<<<< HEAD\n", "recipe\na\n", "\x00"])
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    path = tmp_path / "seeds.csv"
    path.write_text(content)
    with pytest.raises(PipelineError, match=r"seeds\.csv cannot be read .*git checkout") as error:
        seeds.load_seeds(path)
    assert "\n" not in str(error.value)


def test_seeds_of_the_same_training_count_once(tmp_path, tiny_recipe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = {"digest": "ab", "classes": 10, "name": "mnist"}
    record = {"recipe": tiny_recipe, "train": SETTINGS, "dataset": data, "code": "cd"}

    def results(test_digest: str, **changes) -> dict[str, tables.TestResults]:
        return {"tiny": tables.TestResults(record | changes, *[None] * 5, test_digest)}

    key = seeds.results_key(record | {"train": SETTINGS | {"seed": 7}}, "test")
    own, others = rows("tiny", key, 0.97, None, 0.99), rows("tiny", "old", 0.1)
    # Two branches trained the same seeds; and `data.name` was changed.
    write_csv(SEEDS, pd.concat([own, own, own.assign(dataset="renamed"), others]))
    found = seeds.spread_of_seeds(results("test"))
    (row,) = found.itertuples(index=False)
    assert row[:2] == ("tiny", 2)
    assert row[2:] == pytest.approx((*mean_interval([0.97, 0.99])[:3], 1.0))
    assert seeds.spread_of_seeds(results("other labels")).empty
    assert seeds.spread_of_seeds(results("test", dataset=data | {"classes": 11})).empty
    assert seeds.spread_of_seeds(results("test", code="edited")).empty


def test_one_seed_has_no_interval():
    np.testing.assert_equal(seeds.accuracy_spread([0.97]), (0.97, *[np.nan] * 3))
