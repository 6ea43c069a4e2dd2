"""The JSON API of the demo, with a real model and a real server."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from src.apps import connections, demo
from src.apps.classifiers import Classifier
from src.apps.demo import make_app

DATASET = {
    **{"name": "local", "class_names": ["Tür", "b c", "猫"], "height": 6, "width": 5},
    "conversion": {"framed": False, "light_on_dark": True},
}


@pytest.fixture(scope="module")
def port(model_file):
    """The port of a server of the demo on 127.0.0.1."""
    import keras

    model = Classifier("tiny", 0.9, True, lambda: keras.saving.load_model(model_file))
    app = make_app([model], DATASET | {"digest": "not sent"}, ["127.0.0.1"])
    server = demo.server(app)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def send(port):
    """Send a request to the demo; return the status and the body of the response."""

    def request(path: str, content: bytes | None = None, **headers: str):
        message = urllib.request.Request(f"http://127.0.0.1:{port}{path}", content, headers)
        try:
            with urllib.request.urlopen(message, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return request


def png(image: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_the_models_are_listed(send):
    expected = {"name": "tiny", "accuracy": 0.9, "champion": True}
    shown = {key: value for key, value in DATASET.items() if key != "conversion"}
    dataset = shown | {"framed": False}
    assert send("/models") == (200, {"dataset": dataset, "models": [expected]})


def test_each_model_predicts_probabilities(send):
    image = np.zeros((6, 5), np.uint8)
    image[2:4, 1:4] = 250
    _, response = send("/predict", png(image), **{"Content-Type": "image/png"})
    assert response["image"] == image.tolist()
    assert response["note"] == "light on dark, 5×6: not scaled"
    (prediction,) = response["models"]
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert prediction["class"] == np.argmax(prediction["probabilities"])
    assert prediction["label"] == DATASET["class_names"][prediction["class"]]


@pytest.mark.parametrize(
    ("path", "content", "kind", "expected", "message"),
    [
        ("/predict", b"no image", "image/png", 422, "cannot be read as an image"),
        ("/predict", b"x" * 20_100_000, "image/png", 413, "larger than 20,000,000 bytes"),
        ("/predict", b"{}", "application/json", 415, "image/png"),
        ("/nothing", None, "", 404, "Not Found"),
    ],
)
def test_errors_are_json(send, path, content, kind, expected, message):
    status, response = send(path, content, **{"Content-Type": kind})
    assert status == expected
    assert message in json.loads(response)["error"]


def test_a_request_from_a_page_of_another_site_is_refused(send):
    assert send("/models", Host="elsewhere.example")[0] == 400


HEADERS = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


def drip(connection: socket.socket, part: bytes) -> bytes:
    """Send a part again and again until the server closes the connection; return its response."""
    response, connection_is_open = b"", True
    connection.settimeout(0.1)
    deadline = time.monotonic() + 20
    while connection_is_open:
        assert time.monotonic() < deadline, "the server waits for ever"
        try:
            connection.sendall(part)
            received = connection.recv(1000)
            response, connection_is_open = response + received, bool(received)
        except TimeoutError:
            continue
        except OSError:
            break
    return response


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /"),
    ],
    ids=["nothing", "endless headers", "a second request"],
)
def test_a_connection_without_a_complete_request_is_closed(port, monkeypatch, start, part):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(start)
        drip(connection, part)


def test_an_image_that_does_not_arrive_is_given_up(port, monkeypatch):
    monkeypatch.setattr(demo, "BODY_SECONDS", 0.5)
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(HEADERS + b"Content-Length: 9999\r\n\r\n")
        response = drip(connection, b"x")
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b'{"error":"the image did not arrive within 0.5 s; send a smaller one"}' in response


def test_a_client_that_leaves_prints_nothing(port, send, capfd, caplog):
    for content in (b"", b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(HEADERS + b"Content-Length: 9999999\r\n\r\n" + content)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            chunk = b"%x\r\n%s\r\n" % (len(content) + 1, content + b"x")
            connection.sendall(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    time.sleep(0.5)
    assert send("/models")[0] == 200
    assert caplog.text == "" and capfd.readouterr() == ("", "")


def test_too_many_connections_are_refused(port, send):
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections.MOST)]
    assert send("/models")[0] == 503
    for each in waiting:
        each.close()
    deadline = time.monotonic() + 20
    while send("/models")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
