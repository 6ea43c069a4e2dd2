"""The card of a registered version."""

import json

import pytest

from src.tracking.description import MAX_TAG, run_note
from src.tracking.model_card import model_card

ORIGIN = {"revision": "abc", "changes": [], "edited": False}


@pytest.fixture
def record(folder):
    return json.loads((folder / "training.json").read_text())


def test_it_has_use_data_limits_and_evaluation_in_this_order(record):
    note = run_note(record, ORIGIN, ["Test accuracy **0.9100**."])
    card = model_card(record, note)
    parts = ("Intended use", "Model", "Data", "Limits", "Evaluation")
    places = [card.index(f"**{part}.** ") for part in parts]
    assert places == sorted(places)
    assert "one of 3 classes: 0, 1, 2." in card and "60 training images" in card
    assert card.index("0.9000 on 10 images") < card.index("Test accuracy **0.9100**.")
    assert card.endswith("    git checkout abc\n    dvc repro train@cnn")
    assert card.count("convolutions") == 1  # the note of the run repeats nothing


def test_many_classes_fit(record):
    record["dataset"]["class_names"] = [f"a class with a long name, number {n}" for n in range(256)]
    card = model_card(record, "note")
    assert ", …. " in card and len(card) <= MAX_TAG and card.endswith("note")
