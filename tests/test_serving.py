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
        folder = make_training(root / "models/cnn/cnn", model_file)
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
    ("images", "message"),
    [
        ((WHITE / 255).tolist(), "the values are not integers (float64)"),
        ((WHITE * 0.0).tolist(), "the values are not integers (float64)"),
        ((WHITE + 1).tolist(), "the values are from 256 to 256"),
        ((-WHITE).tolist(), "the values are from -255 to -255"),
        (WHITE[:, 1:].tolist(), "the shape of the input is (2, 5, 5), not (N, 6, 5)"),
        (WHITE[0].tolist(), "the shape of the input is (6, 5), not (N, 6, 5)"),
        ([[["a"] * 5] * 6], "the values are not integers (<U1)"),
        ([[[None] * 5] * 6], "the values are not integers (object)"),
        ([[[True] * 5] * 6], "the values are not integers (bool)"),
        ([], "the input is no array of images (list)"),
        (7, "the shape of the input is (), not (N, 6, 5)"),
    ],
)
def test_other_images_are_refused_with_a_sentence(server, key, images, message):
    status, response = send(server, json.dumps({key: images}))
    assert status == 400
    remedy = "send uint8 images [N, H, W] with values from 0 to 255"
    assert json.loads(response)["message"] == f"{message}; {remedy}"


TABLE = {"columns": ["a"], "data": [[0.5]]}


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("a,b\n1,2\n", "text/csv", 415),
        ("", "text/csv", 415),
        ("PAR1", "application/vnd.apache.parquet", 415),
        ("no JSON", "application/json", 400),
        ("[1]", "application/json", 400),
        ("{}", "application/json", 400),
        (json.dumps({"inputs": [[[0] * 5] * 6, [[0] * 4] * 6]}), "application/json", 400),
        (json.dumps({"inputs": {"a": 1}}), "application/json", 400),
        (json.dumps({"dataframe_split": TABLE}), "application/json", 400),
        (json.dumps({"dataframe_records": [{"a": [[0.5] * 5] * 6}]}), "application/json", 400),
        (json.dumps({"messages": [{"role": "user", "content": "7"}]}), "application/json", 400),
    ],
)
def test_no_other_request_is_answered_with_a_stack_trace(server, content, kind, status):
    found, response = send(server, content, kind)
    assert found == status
    for part in ("stack_trace", "Traceback", '.py"', "site-packages"):
        assert part not in response
