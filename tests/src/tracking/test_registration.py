"""Which model is registered, and which is the champion."""

import json

import pytest

from src.tracking import champion as registry
from src.tracking.champion import registered_name
from src.tracking.registration import margin, register
from tests.fixtures.trainings import DIGEST, REGISTRY

DATASET = {
    **{"name": "mnist", "requested": "mnist", "is_fallback": False, "is_published": True},
    "digest": DIGEST,
    **{"height": 6, "width": 5, "classes": 3, "class_names": list("abc"), "majority_fraction": 0.2},
    "counts": {"train": 6000, "validation": 1000},
}


@pytest.fixture
def registers(client, tmp_path, make_training, log_training, model_file):
    """Log a training with a validation accuracy, and register it."""

    def train_and_register(name, accuracy, weights, dataset=DATASET, **changes):
        changes |= {"val_accuracy": accuracy, "weights_sha256": weights * 32, "dataset": dataset}
        folder = make_training(tmp_path / "cnn" / weights / name, model_file, **changes)
        log_training(folder)
        return register(client, json.loads((folder / "training.json").read_text()), REGISTRY)

    return train_and_register


def champion(client, name="mnist-classifier"):
    return client.get_model_version_by_alias(name, "champion")


def test_a_better_model_becomes_champion_and_a_worse_does_not(client, registers):
    assert "is the first champion" in registers("a", 0.91, "a1")
    assert champion(client).tags["recipe"] == "a"
    not_better = "must be at least 0.0090 higher than 0.9100"
    assert not_better in registers("b", 0.90, "b1")
    assert not_better in registers("c", 0.918, "c1")  # the standard error of 1,000 images: 0.00905
    assert champion(client).tags["recipe"] == "a"
    assert "is the new champion: validation accuracy 0.9200, before 0.9100" in registers(
        "d", 0.92, "d1"
    )
    version = champion(client)
    assert (int(version.version), version.tags["recipe"]) == (4, "d")
    assert version.tags["weights_sha256"] == "d1" * 32
    assert version.description.startswith("The model of recipe d, trained on mnist.")
    for part in ("**Intended use.** ", "3 × 3 convolutions (32, 64)", "**Limits.** ", "0.9200 on"):
        assert part in version.description
    assert len(version.tags) <= 6


def test_the_same_weights_are_registered_once(client, registers, tmp_path):
    registers("a", 0.91, "a1")
    (model,) = client.search_logged_models(["1"])
    assert json.loads(model.tags["mlflow.modelVersions"]) == [
        {"name": "mnist-classifier", "version": "1"}
    ]
    text = client.get_registered_model("mnist-classifier").description
    assert 'load_model("models:/mnist-classifier@champion")' in text
    record = json.loads((tmp_path / "cnn/a1/a/training.json").read_text())
    assert register(client, record, REGISTRY) == "a, version 1 of mnist-classifier, is the champion"
    assert len(client.search_model_versions("name = 'mnist-classifier'")) == 1


def test_below_the_minimum_nothing_is_registered(client, registers):
    sentence = registers("a", 0.59, "a1")
    assert "accuracy, 0.5900, is below 0.6000, set by registry.minimum_skill" in sentence
    assert client.search_registered_models() == []
    assert "is the first champion" in registers("b", 0.61, "b1")


@pytest.mark.parametrize(
    ("accuracy", "images", "expected"),
    [(0.99, 5000, 0.0014071), (0.99, 100, 0.02), (1.0, 5000, 0.0004), (0.5, 100, 0.05)],
)
def test_one_lucky_image_never_changes_the_champion(accuracy, images, expected):
    assert margin(accuracy, images) == pytest.approx(expected, rel=1e-4)


def test_a_model_validated_on_other_images_does_not_become_champion(client, registers, tmp_path):
    registers("a", 0.91, "a1")
    sentence = registers("b", 0.99, "b1", dataset=DATASET | {"digest": "ee" * 32})
    assert "were validated on different images, so the champion stays" in sentence
    assert champion(client).tags["recipe"] == "a"


def test_the_fallback_dataset_has_its_own_registered_model(client, registers):
    fallback = DATASET | {"name": "digits", "is_fallback": True}
    registers("a", 0.91, "a1", dataset=fallback)
    assert champion(client, "mnist-classifier-fallback").tags["recipe"] == "a"
    assert registered_name({"is_fallback": False, "name": "kmnist"}) == "kmnist-classifier"


def test_a_model_without_a_run_is_not_registered(client, folder):
    record = json.loads((folder / "training.json").read_text())
    assert "its training is not in this store" in register(client, record, REGISTRY)
    assert client.search_registered_models() == []


def test_a_champion_of_other_data_or_classes_is_not_used(client, registers, monkeypatch):
    registers("a", 0.91, "a1")
    monkeypatch.setattr(registry, "store_uri", lambda: "http://localhost")
    monkeypatch.setattr(registry, "connect", lambda uri: client)
    found = registry.champion(DATASET)
    assert found and found.recipe == "a"
    for change in ({"digest": "ee" * 32}, {"classes": 4}):
        assert registry.champion(DATASET | change) is None
