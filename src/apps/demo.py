"""A web page on which you draw or drop an image, and see what the trained models predict.

``make demo`` or ``python -m src.apps.demo --port 8000``.
"""

import argparse
import asyncio
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from src.apps.classifiers import Classifier, classifiers
from src.apps.familiarity import HINT, Familiarity, familiarity
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.machine import listen
from src.common.messages import warn
from src.data.splits import load_dataset_info, load_split
from src.pictures.convert import convert
from src.pictures.decode import MAX_BYTES

PAGE = Path(__file__).with_name("demo.html")
LOCAL = ["127.0.0.1", "localhost"]
MOST_CONNECTIONS = 32  # at the same time; more get the status 503


@dataclass(frozen=True)
class Answers:
    """Predictions of all models, which have the same input size."""

    models: list[Classifier]
    dataset: dict[str, Any]  # dataset.json of their data
    known: Familiarity | None  # for the hint about an image that is not like the training images
    processed: Path = paths.PROCESSED

    def description(self) -> dict[str, Any]:
        """``{"dataset": {"name", "class_names", …}, "models": [{"name", …}]}``."""
        fields = ("name", "accuracy", "champion")
        shown = {key: self.dataset[key] for key in ("name", "class_names", "height", "width")}
        shown["center_like_mnist"] = self.dataset["conversion"]["center_like_mnist"]
        return {
            "dataset": shown,
            "models": [{field: getattr(each, field) for field in fields} for each in self.models],
        }

    def to_file(self, content: bytes) -> dict[str, Any]:
        """Predict an image file; an HTTPException if the content is no image."""
        conversion = self.dataset["conversion"]
        try:
            picture = convert(content, "the image", self.models[0].shape, conversion)
        except PipelineError as error:
            raise HTTPException(422, str(error)) from None
        is_known = self.known is None or not self.known.unfamiliar(picture.image[None])[0]
        return self._answer(picture.image, picture.note, "" if is_known else HINT)

    def to_test(self) -> dict[str, Any]:
        """Predict a random test image; an HTTPException if there are none."""
        try:
            images, labels = load_split(self.processed, "test")
        except PipelineError as error:
            raise HTTPException(404, str(error)) from None
        number = int(np.random.default_rng().integers(len(labels)))
        actual = self.dataset["class_names"][labels[number]]
        return self._answer(np.array(images[number]), f"test image {number}, actual {actual}", "")

    def _answer(self, image: np.ndarray, note: str, hint: str) -> dict[str, Any]:
        results = []
        for each in self.models:
            (probabilities,) = each.probabilities(image[None])
            rounded = [round(float(value), 4) for value in probabilities]
            best = int(probabilities.argmax())
            result = {"name": each.name, "class": best, "label": self.dataset["class_names"][best]}
            results.append(result | {"probabilities": rounded})
        return {"note": note, "hint": hint, "image": image.tolist(), "models": results}


def make_app(answers: Answers, hosts: list[str]) -> FastAPI:
    """The page and its JSON API.

    ``GET /models`` returns ``{"dataset": {"name", "class_names", "center_like_mnist", "height",
    "width"}, "models": [{"name", "accuracy", "champion"}]}``. ``POST /predict`` takes an image file
    as its body and returns ``{"note", "hint", "image", "models": [{"name", "class", "label",
    "probabilities"}]}``, where ``image`` contains the rows of the models' input. ``GET /test``
    returns the same for a random test image. An error is returned as ``{"error"}`` with a status of
    400 or higher.

    Args:
        hosts: the allowed host names of a request, so that no page of another site can send one.
    """
    # The pages that FastAPI generates would load scripts from the internet.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(AnyHTTPException, _failed)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    # Always the same thread, because each thread keeps a part of the memory that it has used.
    one_at_a_time = ThreadPoolExecutor(1, "predict")

    def in_turn(answer: Callable[..., dict[str, Any]], *arguments: bytes) -> Future[dict[str, Any]]:
        return asyncio.get_running_loop().run_in_executor(one_at_a_time, answer, *arguments)

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return PAGE.read_text("utf-8")

    @app.get("/models")
    def names() -> dict[str, Any]:
        return answers.description()

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        return await in_turn(answers.to_file, await _body(request))

    @app.get("/test")
    async def test() -> dict[str, Any]:
        return await in_turn(answers.to_test)

    return app


def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AnyHTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _body(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("image/"):
        raise HTTPException(415, "send an image file, with its type, such as image/png")
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > MAX_BYTES:
                raise HTTPException(413, f"the image is larger than {MAX_BYTES:,} bytes")
    except ClientDisconnect:  # nobody gets this response
        raise HTTPException(400, "the image is incomplete; send it again") from None
    return bytes(content)


def server(app: FastAPI) -> uvicorn.Server:
    """A server of the page and its API."""
    limit = MOST_CONNECTIONS
    config = uvicorn.Config(app, ws="none", limit_concurrency=limit, log_level="warning")
    return uvicorn.Server(config)


def usable(models: list[Classifier]) -> list[Classifier]:
    """Load and compile the models; print a warning for each that cannot be loaded.

    Raises:
        PipelineError: no model can be loaded.
    """
    found = []
    for each in models:
        try:
            each.probabilities(np.zeros((1, *each.shape), np.uint8))
            found.append(each)
        except PipelineError as error:
            warn(f"{each.name} is left out: {error}")
    if not found:
        raise PipelineError("no model can be loaded, see the warnings above; run `dvc repro`")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.demo", description=__doc__)
    allow = "0.0.0.0 allows connections from other machines"
    parser.add_argument("--host", default="127.0.0.1", help=allow)
    parser.add_argument("--port", type=int, default=8000, help="default: 8000")
    options = parser.parse_args()
    listener = listen(options.host, options.port, "make demo PORT=8001")

    from src.models.device import choose_device

    found = classifiers()
    print("loading the models …", flush=True)
    choose_device("auto")
    dataset = load_dataset_info(paths.PROCESSED)
    answers = Answers(usable(found), dataset, familiarity(paths.PROCESSED))
    action = "Draw" if dataset["conversion"]["center_like_mnist"] else "Drop"
    address = f"http://{options.host}:{options.port}"
    print(f"{action} an image at {address} (Ctrl-C stops it)", flush=True)
    hosts = LOCAL if options.host in LOCAL else ["*"]
    with suppress(KeyboardInterrupt):
        server(make_app(answers, hosts)).run(sockets=[listener])


if __name__ == "__main__":
    run(main)
