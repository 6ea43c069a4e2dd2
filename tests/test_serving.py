"""`mlflow models serve` with the champion, with requests as in the README."""

import json
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest

from tests.fixtures.trainings import REGISTRY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_file, make_training, log_training, serving, environment):
    """The address of a server of `models:/mnist-classifier@champion`."""
    root = tmp_path_factory.mktemp("main checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(root))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        folder = make_training(root / "models/cnn", model_file)
        log_training(folder)
        from mlflow import MlflowClient

        from src.tracking.registration import register

        uri = f"sqlite:///{root / 'mlflow.db'}"
        record = json.loads((folder / "training.json").read_text())
        register(MlflowClient(uri), record, REGISTRY)
    words = ["mlflow", "models", "serve", "--env-manager", "local"]
    words += ["-m", "models:/mnist-classifier@champion", "--host", "127.0.0.1"]
    settings = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with serving(words, root, environment | settings, ready="/ping") as address:
        yield address


def predict(server, inputs):
    request = urllib.request.Request(
        f"{server}/invocations",
        json.dumps({"inputs": inputs}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["predictions"]


def test_it_predicts_classes_and_probabilities(server, model_file):
    images = np.random.default_rng(1).integers(0, 256, (2, 6, 5), np.uint8)
    prediction = predict(server, images.tolist())
    expected = keras.ops.softmax(keras.models.load_model(model_file)(images))
    np.testing.assert_allclose(prediction["probabilities"], expected, rtol=1e-4)
    classes = np.argmax(expected, axis=1).tolist()
    assert prediction["class"] == classes
    assert prediction["label"] == [str(each) for each in classes]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ([[[0] * 5] * 7], "shape"),
        ([[0.5] * 5] * 6, "uint8"),
        ([[["a"] * 5] * 6], ""),
    ],
)
def test_wrong_shapes_and_types_are_refused_by_the_schema(server, inputs, named):
    with pytest.raises(urllib.error.HTTPError) as refused:
        predict(server, inputs)
    assert refused.value.code == 400
    response = json.load(refused.value)
    assert named in response["message"]
    assert "tensorflow" not in json.dumps(response).lower()
