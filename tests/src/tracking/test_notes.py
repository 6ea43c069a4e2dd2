"""When, where and from which code a training ran, in real git repositories; durations, machine."""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from src.common.errors import PipelineError
from src.common.paths import MODELS, TIMING
from src.models.artifacts import load_record
from src.tracking import notes
from tests.fixtures.trainings import ENVIRONMENT, SECONDS


@pytest.fixture
def repository(checkout, tmp_path):
    Path("src").mkdir()
    Path("src/code.py").write_text("x = 1\n")
    write({"train": {"seed": 1}}, {"cnn": {"filters": [1, 2], "old": 3}})
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True
        )
    return Path.cwd()


def write(params, recipes):
    for name, content in (("params.yaml", params), ("recipes.yaml", recipes)):
        Path(name).write_text(yaml.safe_dump(content))


def contents():
    return [yaml.safe_load(Path(name).read_text()) for name in ("params.yaml", "recipes.yaml")]


def origin():
    note = notes.new_note({})
    return note["revision"], note["changes"], note["edited"]


def test_changed_parameters_are_arguments_of_dvc_exp_run(repository):
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    assert origin() == (head, [], False)
    write({"train": {"seed": 2}}, {"cnn": {"filters": [1, 2, 3]}, "new": {"like": "cnn"}})
    Path("src/code.py").write_text("x = 2\n")
    expected, (_, changes, edited) = contents(), origin()
    assert edited
    assert changes == [
        "train.seed=2",
        "recipes.yaml:~cnn.old",
        "recipes.yaml:cnn.filters=[1, 2, 3]",
        "recipes.yaml:+new.like=cnn",
    ]
    subprocess.run(["git", "checkout", "-q", "."], check=True)
    for name, overrides in to_path_overrides(changes).items():
        apply_overrides(Path(name), overrides)
    assert contents() == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_repository_of_another_user_is_one_warning(repository, capfd):
    os.chown(repository, 12345, 12345)
    os.chown(repository / ".git", 12345, 12345)
    assert [origin() for _ in range(2)] == [("", [], False)] * 2
    assert capfd.readouterr().err.count("warning: MLflow shows neither commit nor changes") == 1


def test_what_was_changed_for_a_recipe_names_its_runs_and_the_folder_of_its_curves(record):
    others = ["model=cnn", "recipes.yaml:mlp.hidden=[3]"]
    changes = ["train.epochs=1", "recipes.yaml:~cnn.old", "data.seed=2", *others]
    note = notes.new_note({}) | {"start": 0, "changes": changes}
    assert notes.own_changes(record, note) == ["epochs=1", "~old", "data.seed=2"]
    folder = notes.curves_folder(record, note)
    assert folder.parts[-4:-1] == ("mnist", "cnn", "epochs-1--old-data.seed-2")
    experiment = notes.curves_folder(record, note | {"experiment": "bold-move"})
    assert experiment.parent.name == "bold-move"


@pytest.fixture
def trained(folder, record):
    """The folder of a training that ran here."""
    notes.end_note(notes.begin_note(record, ENVIRONMENT, False), record, SECONDS)
    return folder


def test_the_durations_of_the_trainings_that_ran_here_are_a_table(
    trained, make_training, model_file
):
    make_training(MODELS / "cnn/restored", model_file, weights_sha256="ef" * 32)
    notes.write_timing()
    table = pd.read_csv(TIMING)
    assert table.seconds.tolist() == [0.5, 2.5, 4.5]
    assert table.val_accuracy.tolist() == [0.1, 0.8, 0.9]
    for name, value in {"recipe": "cnn", "device": "cpu", "processor": "P1, 2 cores"}.items():
        assert set(table[name]) == {value}
    assert set(table.weights_sha256) == {"cd" * 32}


@pytest.mark.parametrize("damaged", ["models/cnn/cnn/history.csv", "logs/trainings/cnn-*.json"])
def test_damaged_files_have_no_durations(checkout, trained, damaged):
    (path,) = [*checkout.glob(damaged), *Path.cwd().glob(damaged)]
    path.write_text('{"start": 1}')
    notes.write_timing()
    assert pd.read_csv(TIMING).empty


def test_where_the_results_come_from(trained, make_training, make_evaluation, model_file):
    make_evaluation({"cnn": 0.91})
    found = notes.recorded_on()
    assert (found["dataset"], found["processor"], found["threads"]) == ("mnist", "P1, 2 cores", 2)
    assert found["recipes"]["cnn"] == {
        **{"device": "cpu", "compile": "xla", "precision": "float32"},
        "weights_sha256": "cd" * 32,
    }
    other = load_record(make_training(MODELS / "cnn/other", model_file, weights_sha256="ef" * 32))
    make_evaluation({"cnn": 0.91, "other": 0.91})
    with pytest.raises(PipelineError, match="other does not come from a training in this checkout"):
        notes.recorded_on()
    notes.end_note(notes.new_note({**ENVIRONMENT, "processor": "P2"}), other, SECONDS)
    with pytest.raises(PipelineError, match="not all on the same machine"):
        notes.recorded_on()
