"""The same model gives the same bytes, which Keras' own loader reads."""

import time
from zipfile import ZipFile

import numpy as np

from src.models.archive import numbered, save_model


def build():
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4, 3)), keras.layers.Flatten(), keras.layers.Dropout(0.5)]
    return keras.Sequential([*layers, keras.layers.Dense(5)])


def test_two_models_with_the_same_weights_give_the_same_bytes(tmp_path):
    save_model(build(), tmp_path / "a.keras")
    time.sleep(2)  # the resolution of times in a zip file
    save_model(build(), tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.keras", "b.keras"}


def test_ids_of_shared_objects_count_from_one():
    config = [{"shared_object_id": 99, "a": {"shared_object_id": 5}}, {"shared_object_id": 99}]
    assert numbered(config, {}) == [
        {"shared_object_id": 2, "a": {"shared_object_id": 1}},
        {"shared_object_id": 2},
    ]


def test_keras_loads_the_archive(tmp_path):
    import keras

    model, path = build(), tmp_path / "a.keras"
    save_model(model, path)
    with ZipFile(path) as archive:
        assert b"date" not in archive.read("metadata.json")
    loaded = keras.saving.load_model(path, safe_mode=True)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    for saved, weights in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, weights)
