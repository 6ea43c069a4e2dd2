"""Which model is registered, and which is the champion."""

import json

import pytest

from src.tracking.champion import register, registered_name


@pytest.fixture
def registers(client, tmp_path, make_training, log_training, model_file):
    """Log a training with a validation accuracy, and register it."""

    def train_and_register(name, accuracy, weights, minimum=0.5, **changes):
        changes |= {"val_accuracy": accuracy, "weights_sha256": weights * 32}
        folder = make_training(tmp_path / weights / name, model_file, **changes)
        log_training(folder)
        return register(client, json.loads((folder / "training.json").read_text()), minimum)

    return train_and_register


def champion(client, name="mnist-classifier"):
    return client.get_model_version_by_alias(name, "champion")


def test_a_better_model_becomes_champion_and_a_worse_does_not(client, registers):
    assert "is the first champion" in registers("a", 0.91, "a1")
    assert champion(client).tags["recipe"] == "a"
    assert "is not better than the champion, version 1" in registers("b", 0.90, "b1")
    assert "is not better" in registers("c", 0.91, "c1")  # equal accuracy
    assert champion(client).tags["recipe"] == "a"
    assert "is the new champion: validation accuracy 0.9200, before 0.9100" in registers(
        "d", 0.92, "d1"
    )
    version = champion(client)
    assert (int(version.version), version.tags["recipe"]) == (4, "d")
    assert version.tags["weights_sha256"] == "d1" * 32
    assert "**d**: 6 × 5 pixels" in version.description


def test_the_same_weights_are_registered_once(client, registers, tmp_path):
    registers("a", 0.91, "a1")
    record = json.loads((tmp_path / "a1/a/training.json").read_text())
    assert register(client, record, 0.5) == "a, version 1 of mnist-classifier, is the champion"
    assert len(client.search_model_versions("name = 'mnist-classifier'")) == 1


def test_below_the_minimum_nothing_is_registered(client, registers):
    assert "below registry.minimum_accuracy, 0.95" in registers("a", 0.91, "a1", minimum=0.95)
    assert client.search_registered_models() == []


def test_a_model_validated_on_other_images_does_not_become_champion(client, registers, tmp_path):
    registers("a", 0.91, "a1")
    other = json.loads((tmp_path / "a1/a/training.json").read_text())["dataset"]
    sentence = registers("b", 0.99, "b1", dataset=other | {"digest": "ee" * 32})
    assert "were validated on different images, so the champion stays" in sentence
    assert champion(client).tags["recipe"] == "a"


def test_the_fallback_dataset_has_its_own_registered_model(client, registers):
    registers("a", 0.91, "a1", is_fallback=True)
    assert champion(client, "mnist-classifier-fallback").tags["recipe"] == "a"
    assert registered_name({"is_fallback": False, "name": "kmnist"}) == "kmnist-classifier"


def test_a_model_without_a_run_is_not_registered(client, folder):
    record = json.loads((folder / "training.json").read_text())
    assert "its training is not in this store" in register(client, record, 0.5)
    assert client.search_registered_models() == []
