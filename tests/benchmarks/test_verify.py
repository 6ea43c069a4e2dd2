"""The verdicts on repeated results, and ``make verify`` in a small repository."""

import sys

import pandas as pd
import pytest

from benchmarks.processes import ROOT
from benchmarks.verify import changed_outputs, spreads_between_seeds, verdicts

MNIST = (ROOT / "../shared/datasets/mnist").exists()


def result(weights: str, accuracy: float) -> dict:
    return {"weights_sha256": weights, "accuracy": accuracy}


@pytest.mark.parametrize(
    ("weights", "accuracy", "expected"),
    [
        ("a", 0.9, "same bits"),
        ("a", 0.91, "differs"),  # the same weights, but another evaluation
        ("b", 0.9027, "same metrics"),
        ("b", 0.9029, "differs"),
        ("b", 0.8971, "differs"),
    ],
)
def test_verdicts(weights, accuracy, expected):
    committed = {"cnn": result("a", 0.9)}
    spreads = {"cnn": (0.001, 1000)}  # 1.96 × √2 × 0.001 = 0.0028
    assert verdicts(committed, {"cnn": result(weights, accuracy)}, spreads) == {"cnn": expected}


def test_without_a_committed_result_or_a_spread_other_weights_differ():
    assert verdicts({}, {"cnn": result("a", 0.9)}, {"cnn": (1.0, 9)}) == {"cnn": "differs"}
    committed = {"new": result("a", 0.9)}
    assert verdicts(committed, {"new": result("b", 0.9001)}, {}) == {"new": "differs"}


def test_the_spread_is_that_of_the_last_test_accuracy_within_both_programs():
    rows = [
        ("cnn", program, seed, metric, epoch, value)
        for program, values in (("original", (1.0, 2.0, 3.0)), ("ours", (11.0, 12.0, 13.0)))
        for seed, value in enumerate(values)
        for metric, epoch, value in (
            ("test_accuracy", 1, 100 * value),
            ("test_accuracy", 2, value),
            ("training_loss", 2, 1000 * value),
        )
    ]
    columns = ["recipe", "program", "seed", "metric", "epoch", "value"]
    assert spreads_between_seeds(pd.DataFrame(rows, columns=columns)) == {"cnn": (1.0, 4)}


def test_outputs_with_other_hashes_are_listed():
    old, new = (
        "stages:\n"
        f"  train@a:\n    outs:\n    - path: models/a\n      md5: {a}.dir\n"
        "  plan:\n    outs:\n    - path: data/recipes\n      md5: '1'\n"
        for a in ("1", "2")
    )
    assert changed_outputs(old, new, ["a"]) == ["models/a"]
    assert changed_outputs(old, new, ["b"]) == changed_outputs(old, old, ["a"]) == []


@pytest.mark.slow
@pytest.mark.skipif(not MNIST, reason="MNIST is not in ../shared/datasets")
def test_one_recipe_of_the_last_commit_gives_the_committed_result(shell):
    done = shell([sys.executable, "-m", "benchmarks.verify", "softmax_normal"], ROOT)
    (row,) = [line for line in done.stdout.splitlines() if "│ softmax_normal" in line]
    assert "same bits" in row or "same metrics" in row
    assert "dataset digest" in done.stdout
