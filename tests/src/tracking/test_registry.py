"""Which model is registered, and which is the champion."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from src.tracking.registry import model_card
from src.tracking.sync import sync
from tests.fixtures.trainings import DIGEST

DATASET = {
    **{"name": "mnist", "requested": "mnist", "is_fallback": False, "is_published": True},
    "digest": DIGEST,
    **{"height": 6, "width": 5, "classes": 3, "class_names": list("abc"), "majority_fraction": 0.2},
    "counts": {"train": 6000, "validation": 1000},
}
NAME = "mnist-classifier"


@pytest.fixture
def registers(client, checkout, make_training, make_evaluation, make_comparison, model_file, capfd):
    """Log a training with a validation accuracy and its test results; return what is printed."""

    def train_and_register(name, accuracy, dataset=DATASET):
        shutil.rmtree("models", ignore_errors=True)
        changes = {"val_accuracy": accuracy, "weights_sha256": name * 64, "dataset": dataset}
        make_training(Path("models/cnn", name), model_file, **changes)
        make_evaluation({name: accuracy})
        make_comparison()
        capfd.readouterr()
        assert sync()
        return capfd.readouterr().out

    return train_and_register


def champion(client):
    return client.get_model_version_by_alias(NAME, "champion")


def test_a_better_model_becomes_champion_and_a_worse_does_not(client, registers):
    first = "a (validation accuracy 0.9100) is the new champion, version 1 of mnist-classifier"
    assert first in registers("a", 0.91)
    than = "the champion, version 1 of mnist-classifier: 0.9100 ± 0.0090"  # of 1,000 images
    assert f"is not registered: worse than {than}" in registers("b", 0.90)
    assert f"is version 2, as good as {than}" in registers("c", 0.918)
    assert "d (validation accuracy 0.9200) is the new champion" in registers("d", 0.92)
    version = champion(client)
    assert (int(version.version), version.tags["recipe"]) == (3, "d")
    assert version.tags["weights_sha256"] == "d" * 64


def test_one_image_never_changes_the_champion(registers):
    small = DATASET | {"counts": {"train": 60, "validation": 10}}
    registers("a", 0.9, small)
    assert "b (validation accuracy 1.0000) is version 2, as good" in registers("b", 1.0, small)


def test_the_same_training_is_registered_once(client, registers):
    registers("a", 0.91)
    (model,) = client.search_logged_models(["1"])
    (named,) = json.loads(model.tags["mlflow.modelVersions"])
    assert named == {"name": NAME, "version": "1"}
    text = client.get_registered_model(NAME).description
    assert f'load_model("models:/{NAME}@champion")' in text
    assert "is the champion, version 1 of mnist-classifier" in registers("a", 0.91)
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 1


def test_below_the_minimum_nothing_is_registered(client, registers):
    assert "is not registered: below 0.6000, set by registry.minimum_skill" in registers("a", 0.59)
    assert client.search_registered_models() == []
    assert "is the new champion" in registers("b", 0.61)


def test_only_a_champion_of_this_data_and_project_is_replaced(client, registers):
    registers("a", 0.91)
    for change in ({"digest": "ee" * 32}, {"classes": 4}):
        sentence = registers("b", 0.99, dataset=DATASET | change)
        assert f"is not registered: the champion, version 1 of {NAME}, has other data" in sentence
    foreign = client.create_model_version(NAME, champion(client).source)
    client.set_registered_model_alias(NAME, "champion", foreign.version)
    assert "or this project did not register it" in registers("b", 0.99)


def test_the_champion_can_be_loaded_after_mlflow_gc(client, checkout, registers):
    registers("a", 0.91)
    (run,) = client.search_runs(["1"])
    client.delete_run(run.info.run_id)
    uri = client.tracking_uri
    command = ["mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri]
    subprocess.run([sys.executable, "-m", *command], check=True)
    assert "a (validation accuracy 0.9100) is version 2, as good as the" in registers("a", 0.91)
    uri = f"models:/{NAME}@champion"
    downloaded = mlflow.artifacts.download_artifacts(uri, dst_path=str(checkout))
    assert Path(downloaded, "data/model.keras").exists()


def test_the_model_card_has_use_model_and_evaluation(record):
    test = {"accuracy": 0.91, "ci_low": 0.9, "ci_high": 0.92, "warnings": ["few images"]}
    card = model_card(record, test)
    assert "one of 3 classes: 0, 1, 2." in card and "cnn, trained on 60 images" in card
    assert "0.9000 on 10 images. Test accuracy **0.9100** (95% interval 0.9000 to" in card
    assert card.endswith("Warning: few images.")
    record["dataset"]["class_names"] = ["a class with a long name"] * 256
    card = model_card(record, test)
    assert " …. " in card and len(card) < 5000 and "Test accuracy" in card
