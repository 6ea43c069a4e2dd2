"""Trainings with several seeds, in processes of their own as a user starts them."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.apps import seeds
from src.common import paths
from src.common.errors import PipelineError
from src.common.files import write_json
from src.config.params import load_params
from src.config.plan import training_plan
from src.config.recipes import load_recipes
from src.data.splits import load_dataset_info, load_test_digest
from src.evaluation import tables
from src.models.artifacts import load_record
from src.reporting.seeds import TYPES, load_seeds, spread_of_seeds
from tests.fixtures.checkout import edit_params

ROOT = Path(__file__).parents[3]
FILES = paths.PARAMS, paths.RECIPES, paths.PUBLISHED_VALUES


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, write_plan, tiny_recipe) -> Path:
    """The preprocessed digits, and the YAML files with tiny recipes."""
    folder = tmp_path_factory.mktemp("checkout")
    write_plan(folder, "tiny", tiny_recipe)
    for path in FILES:
        shutil.copy(ROOT / path, folder)
    models = {
        "tiny": tiny_recipe,
        "long": tiny_recipe | {"epochs": 1_000_000},
        "diverging": tiny_recipe
        | {"l2": 1000, "optimizer": {"kind": "sgd", "learning_rate": 1000}},
    }
    edit_params(folder, model="all", models=models, train__device="cpu")
    return folder


@pytest.fixture
def run(checkout, shell):
    """Run the program in the checkout."""

    def run_seeds(arguments: str, fails: bool = False):
        command = [sys.executable, "-m", "src.apps.seeds", *arguments.split()]
        return shell(command, checkout, fails=fails, PYTHONPATH=str(ROOT))

    return run_seeds


@pytest.mark.slow
def test_seeds_are_trained_as_the_stage_does(checkout, run, shell, monkeypatch):
    output = run("tiny 2").stdout
    table = load_seeds(checkout / paths.SEEDS)
    assert table.seed.tolist() == [1, 2]
    assert table.weights.nunique() == 2
    assert (table.epochs == 2).all() and (table.parameters == 7850).all()
    assert table[["val_loss", "test_loss"]].gt(0).all(axis=None)
    assert table.cold_start.between(0.5, 300).all() and table.seconds.between(0, 60).all()
    for row in table.itertuples():
        assert f"tiny, seed {row.seed} ({row.seed} of 2): validation accuracy " in output
    assert f"{table.test_accuracy.mean():.4f}" in output
    assert f"{table.test_accuracy.std():.5f}" in output
    assert not (checkout / ".checkpoints").exists() and not (checkout / "mlflow.db").exists()
    probabilities = [np.load(path) for path in (checkout / "logs/seeds").glob("*.npy")]
    labels = np.load(checkout / "data/processed/test/test_labels.npy")
    ensemble = (sum(probabilities).argmax(axis=1) == labels).mean()
    assert table.ensemble_accuracy.tolist() == pytest.approx([table.test_accuracy[0], ensemble])
    assert f"test accuracy, ensemble of 2 seeds: {ensemble:.4f}" in output

    shell([sys.executable, "-m", "stages.train", "softmax"], checkout, PYTHONPATH=str(ROOT))
    record = load_record(checkout / "models/softmax/tiny")
    assert record["weights_sha256"].startswith(table.weights[0])
    assert record["val_accuracy"] == pytest.approx(table.val_accuracy[0], abs=1e-6)
    monkeypatch.chdir(checkout)
    results = tables.TestResults(record, *[None] * 5, load_test_digest(paths.PROCESSED))
    assert spread_of_seeds({"tiny": results}).seeds.tolist() == [2]


@pytest.mark.slow
def test_all_images_are_used_for_a_training_without_validation(checkout, run):
    output = run("tiny 1 --all-images").stdout
    labels = (checkout / "data/processed/training").glob("*_labels.npy")
    count = sum(len(np.load(path)) for path in labels)
    assert f"tiny (all images): {count:,} images of digits" in output
    assert "validation accuracy" not in output.split("all images in memory")[1]
    row = load_seeds(checkout / paths.SEEDS).set_index("recipe").loc["tiny (all images)"]
    assert np.isnan(row.val_accuracy) and row.test_accuracy == row.ensemble_accuracy > 0.5


@pytest.mark.slow
def test_an_interrupted_training_is_one_sentence(checkout, environment):
    process = subprocess.Popen(
        [sys.executable, "-m", "src.apps.seeds", "long", "2"],
        cwd=checkout,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in process.stdout:
        if "images of digits" in line:  # of the process of a seed
            break
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors == "interrupted: no incomplete output was kept\n"


@pytest.mark.slow
def test_a_failed_training_is_named(run):
    errors = run("diverging 1", fails=True).stderr.splitlines()
    assert errors[0].startswith("error: the loss became NaN or infinite")
    expected = "error: the training of diverging with seed 1 failed; see its message above"
    assert errors[1:] == [expected]


@pytest.fixture
def trained(checkout, tmp_path, monkeypatch):
    """Calls the program with training replaced; returns the trained seeds, and the rows."""
    shutil.copytree(checkout / paths.PROCESSED, tmp_path / paths.PROCESSED)
    for path in FILES:
        shutil.copy(checkout / path, tmp_path)
    monkeypatch.chdir(tmp_path)

    def call(count: int, validation: bool = False, stop_after: int | None = None, edit=None):
        params, recipes, done = load_params(), load_recipes(), []

        def train(plan, seed):
            if len(done) == stop_after:
                raise KeyboardInterrupt
            done.append(seed)
            if edit:
                edit()
            test = {"test_accuracy": 0.8 + seed / 1000, "test_loss": 0.2}
            row = dict.fromkeys(list(TYPES)[4:8], 1) | {"val_accuracy": 0.9, "weights": "1e5"}
            row |= test if "test" in plan["splits"] else {}
            row |= {"cold_start": 5.0, "seconds": float(seed), "key": plan["key"], "seed": seed}
            names = {"dataset": load_dataset_info(paths.PROCESSED)["name"], "recipe": "tiny"}
            if seeds.present_key(plan) == plan["key"]:
                seeds.write_row(names | row)

        monkeypatch.setattr(seeds, "train", train)
        plan = training_plan("tiny", recipes["tiny"], params)
        plan["splits"] = ["validation"] if validation else ["validation", "test"]
        wanted = range(params.train.seed, params.train.seed + count)
        try:
            rows = seeds.train_missing(plan, wanted)
        except KeyboardInterrupt:
            rows = load_seeds()
        return done, rows

    return call


def change_test_labels() -> None:
    write_json(paths.PROCESSED / "test/test_digests.json", {"labels": "others"})


def test_seeds_of_other_data_are_trained_again(trained):
    assert trained(2)[0] == [1, 2]
    change_test_labels()
    done, rows = trained(2)
    assert done == [1, 2] and len(rows) == len(load_seeds()) == 2


def test_data_that_change_meanwhile_are_refused(trained):
    with pytest.raises(PipelineError, match="changed while this program ran; start the same"):
        trained(2, edit=change_test_labels)
    assert load_seeds().empty


def test_an_interrupted_program_continues(trained):
    complete = trained(3)[1]
    written = paths.SEEDS.read_bytes()
    assert trained(3)[0] == [] and trained(2)[0] == []
    assert trained(4)[0] == [4]
    paths.SEEDS.unlink()
    assert trained(3, stop_after=1)[0] == [1]
    done, rows = trained(3)
    assert done == [2, 3]
    pd.testing.assert_frame_equal(rows, complete)
    assert paths.SEEDS.read_bytes() == written


def test_a_missing_test_accuracy_is_trained_again_if_it_is_wanted(trained):
    done, rows = trained(2, validation=True)
    assert done == [1, 2] and rows.test_accuracy.isna().all()
    assert trained(2, validation=True)[0] == []
    done, rows = trained(2)
    assert done == [1, 2] and rows.test_accuracy.tolist() == [0.801, 0.802]
    assert trained(2, validation=True)[0] == []


def test_other_recipes_and_datasets_stay_and_another_key_goes(trained):
    row = trained(1)[1].iloc[0].to_dict()
    others = {"recipe": "a", "key": "b"}, {"dataset": "a", "key": "c"}
    for changes in (*others, {"key": "a", "seed": 5}):
        own = pd.concat([load_seeds(), pd.DataFrame([row | changes])])
        seeds.write_csv(paths.SEEDS, own)
    edit_params(Path(), models__tiny__epochs=3)
    done, rows = trained(2)
    assert done == [1, 2] and len(rows) == 2
    table = load_seeds()
    expected = [("a", "tiny", 1), ("digits", "a", 1), ("digits", "tiny", 1), ("digits", "tiny", 2)]
    assert list(zip(table.dataset, table.recipe, table.seed, strict=True)) == expected
    assert row["key"] not in set(rows.key)


def test_the_summary_shows_only_what_the_seeds_tell(trained):
    _, rows = trained(2)
    validation, test = seeds.summary(rows)
    assert validation.startswith(
        "validation accuracy, mean of 2 seeds: 0.9000; standard deviation 0"
    )
    # Student's t with one degree of freedom at 97.5%: 12.706, times 0.001 / 2
    expected = "standard deviation 0.00071, 95% interval of the mean 0.7951–0.8079"
    assert test == f"test accuracy, mean of 2 seeds: 0.8015; {expected}"
    assert seeds.summary(rows[:1])[1] == "test accuracy, mean of 1 seeds: 0.8010"
    assert len(seeds.summary(rows.assign(test_accuracy=None))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tini 2", "there is no recipe 'tini' (did you mean 'tiny'?); choose from: tiny, long, "),
        ("tiny 1", "data/processed/training/dataset.json is missing; run `dvc repro preprocess`"),
    ],
)
def test_a_mistake_is_one_sentence(checkout, tmp_path, monkeypatch, arguments, message):
    for path in FILES:
        shutil.copy(checkout / path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["seeds", *arguments.split()])
    with pytest.raises(PipelineError) as error:
        seeds.main()
    assert str(error.value).startswith(message)
