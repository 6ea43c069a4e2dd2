"""The durations of the trainings in models/ are in a table that is not an output."""

import pandas as pd
import pytest

from src.common.paths import MODELS, TIMING
from src.tracking.timing import COLUMNS, write_timing


def test_a_training_adds_its_durations(client, folder, log_training):
    log_training(folder)
    table = pd.read_csv(TIMING)
    assert list(table) == list(COLUMNS)
    assert table.seconds.tolist() == [0.5, 2.5, 4.5]
    assert table.val_accuracy.tolist() == [0.1, 0.8, 0.9]
    assert set(table.processor) == {"P1, 2 cores"}
    assert set(table.weights_sha256) == {"cd" * 32}


def test_a_model_that_was_trained_elsewhere_has_no_durations(
    client, folder, log_training, make_training, model_file
):
    log_training(folder)
    make_training(MODELS / "cnn/restored", model_file, weights_sha256="ef" * 32)
    write_timing()
    assert set(pd.read_csv(TIMING).recipe) == {"cnn"}


@pytest.mark.parametrize("name", ["training.json", "history.csv"])
def test_a_damaged_model_is_left_out(client, folder, log_training, name):
    log_training(folder)
    (folder / name).write_text("{")
    write_timing()
    assert pd.read_csv(TIMING).empty


@pytest.mark.parametrize(
    "content",
    [
        *("{", "[]", '{"start": 1}'),
        '{"start": 1.0, "end": 2.0, "seconds": [], "environment": [], "origin": {}}',
    ],
)
def test_a_damaged_note_is_ignored(client, checkout, folder, log_training, content):
    log_training(folder)
    (note,) = checkout.glob("logs/trainings/cnn-*.json")
    note.write_text(content)
    write_timing()
    assert pd.read_csv(TIMING).empty
