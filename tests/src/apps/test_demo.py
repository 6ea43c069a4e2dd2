"""The JSON API of the demo, with a real model and a real server."""

import json
import socket
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import uvicorn

from src.apps.classifiers import UNFAMILIAR, Classifier
from src.apps.demo import Answers, make_app
from tests.fixtures.image_folders import encoded

DATASET = {
    **{"name": "local", "class_names": ["Tür", "b c", "猫"], "height": 6, "width": 5},
    "conversion": {"center_like_mnist": False, "light_on_dark": True},
}

SCORES = {"least_evidence": 1000.0, "corrupted_accuracy": 0.5}
KNOWN = np.random.default_rng(0).integers(0, 200, (100, 6, 5), np.uint8)


@pytest.fixture(scope="module")
def send(model_file):
    """Send a request to the demo; return the status and the body of the response."""
    from src.common.tensorflow import keras

    model = Classifier("tiny", 0.9, SCORES, lambda: keras.saving.load_model(model_file))
    test = KNOWN[:1], np.array([2], np.uint8)
    app = make_app(Answers([model], DATASET | {"digest": "not sent"}, test), ["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()

    def request(path: str, content: bytes | None = None, **headers: str):
        message = urllib.request.Request(f"{address}{path}", content, headers)
        try:
            with urllib.request.urlopen(message, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    yield request
    server.should_exit = True
    thread.join()


def test_the_models_are_listed(send):
    expected = {"name": "tiny", "accuracy": 0.9}
    shown = {key: value for key, value in DATASET.items() if key != "conversion"}
    dataset = shown | {"center_like_mnist": DATASET["conversion"]["center_like_mnist"]}
    assert send("/models") == (200, {"dataset": dataset, "models": [expected]})


def test_each_model_predicts_probabilities(send):
    image = np.zeros((6, 5), np.uint8)
    image[2:4, 1:4] = 250
    _, response = send("/predict", encoded(image), **{"Content-Type": "image/png"})
    assert response["note"] == "light on dark, 5×6: not scaled"
    assert response["hint"] == UNFAMILIAR
    (digit,) = response["digits"]
    assert digit["image"] == image.tolist() and digit["box"] is None
    (prediction,) = digit["models"]
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert prediction["class"] == np.argmax(prediction["probabilities"])
    assert prediction["label"] == DATASET["class_names"][prediction["class"]]


def test_a_test_image_is_predicted(send):
    status, response = send("/test")
    assert status == 200
    assert response["digits"][0]["image"] == KNOWN[0].tolist()
    assert response["note"] == "test image 0, actual 猫"
    assert len(response["digits"][0]["models"]) == 1


@pytest.mark.parametrize(
    ("path", "content", "kind", "expected", "message"),
    [
        ("/predict", b"no image", "image/png", 422, "cannot be read as an image"),
        ("/predict", b"x" * 20_100_000, "image/png", 413, "larger than 20"),
        ("/nothing", None, "", 404, "Not Found"),
    ],
)
def test_errors_are_json(send, path, content, kind, expected, message):
    status, response = send(path, content, **{"Content-Type": kind})
    assert status == expected
    assert message in json.loads(response)["detail"]


def test_a_request_from_a_page_of_another_site_is_refused(send):
    assert send("/models", Host="elsewhere.example")[0] == 400
