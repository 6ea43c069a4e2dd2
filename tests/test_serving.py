"""`mlflow models serve` with the champion, with requests as in the README."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest

from src.common.tensorflow import keras
from src.tracking.sync import sync

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(
    tmp_path_factory,
    model_file,
    make_training,
    make_evaluation,
    make_comparison,
    log_training,
    serving,
    environment,
):
    """The address of a server of `models:/mnist-classifier@champion`."""
    root = tmp_path_factory.mktemp("main checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", str(root))
        patch.setenv("MLFLOW_TRACKING_URI", "")
        patch.chdir(root)
        folder = make_training(root / "models/cnn/cnn", model_file)
        log_training(folder)
        make_evaluation({"cnn": 0.91})
        make_comparison()
        sync()
        uri = f"sqlite:///{root / 'mlflow.db'}"
    words = ["mlflow", "models", "serve", "--env-manager", "local"]
    words += ["-m", "models:/mnist-classifier@champion", "--host", "127.0.0.1"]
    settings = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with serving(words, root, environment | settings, ready="/ping") as address:
        yield address


def send(server, content: str, kind: str = "application/json"):
    """Return the status and the text of the response."""
    headers = {"Content-Type": kind}
    request = urllib.request.Request(f"{server}/invocations", content.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_it_predicts_classes_and_probabilities(server, model_file):
    images = np.random.default_rng(1).integers(0, 256, (2, 6, 5), np.uint8)
    status, response = send(server, json.dumps({"inputs": images.tolist()}))
    assert status == 200
    prediction = json.loads(response)["predictions"]
    expected = keras.ops.softmax(keras.models.load_model(model_file)(images))
    np.testing.assert_allclose(prediction["probabilities"], expected, rtol=1e-4)
    classes = np.argmax(expected, axis=1).tolist()
    assert prediction["class"] == classes
    assert prediction["label"] == [str(each) for each in classes]


WHITE = np.full((2, 6, 5), 255)


@pytest.mark.parametrize("key", ["inputs", "instances"])
@pytest.mark.parametrize(
    ("images", "found"),
    [
        ((WHITE / 255).tolist(), "float64 [2, 6, 5]"),
        ((WHITE + 1).tolist(), "int64 [2, 6, 5]"),
        ((-WHITE).tolist(), "int64 [2, 6, 5]"),
        (WHITE[:, 1:].tolist(), "int64 [2, 5, 5]"),
        (WHITE[0].tolist(), "int64 [6, 5]"),
        ([[["a"] * 5] * 6], "<U1 [1, 6, 5]"),
        ([[[None] * 5] * 6], "object [1, 6, 5]"),
        ([[[True] * 5] * 6], "bool [1, 6, 5]"),
        (7, "int64 []"),
    ],
)
def test_other_images_are_refused_with_a_sentence(server, key, images, found):
    status, response = send(server, json.dumps({key: images}))
    assert status == 400
    remedy = "send uint8 images [N, 6, 5] with values from 0 to 255"
    assert f"the input is {found}; {remedy}" in json.loads(response)["message"]


@pytest.mark.parametrize("content", ["no JSON", "[1]", "{}", json.dumps({"inputs": {"a": 1}})])
def test_another_request_is_refused(server, content):
    assert send(server, content)[0] == 400
