"""A web page on which you draw or drop an image, and see what the trained models predict.

``make demo`` or ``python -m src.apps.demo --port 8000``.
"""

import argparse
import asyncio
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from src.apps.answers import Answers
from src.apps.classifiers import Classifier, classifiers
from src.apps.familiarity import familiarity
from src.common.errors import PipelineError, run
from src.common.listening import listen
from src.common.messages import warn
from src.common.paths import PROCESSED
from src.data.splits import load_dataset_info
from src.pictures.decode import MAX_BYTES

PAGE = Path(__file__).with_name("demo.html")
LOCAL = ["127.0.0.1", "localhost"]
MOST_CONNECTIONS = 32  # at the same time; more get the status 503
BODY_SECONDS = 30  # until a complete image must have arrived


def make_app(answers: Answers, hosts: list[str]) -> FastAPI:
    """The page and its JSON API.

    ``GET /models`` returns ``{"dataset": {"name", "class_names", "height", "width",
    "center_like_mnist", "light_on_dark"}, "models": [{"name", "accuracy", "champion"}]}``.
    ``POST /predict`` takes an image file as its body and returns ``{"note", "hint", "image",
    "models": [{"name", "class", "label", "probabilities"}]}``, where ``image`` contains the rows of
    the models' input. ``GET /test`` returns the same for a random test image. An error is returned
    as ``{"error"}`` with a status of 400 or higher.

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
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > MAX_BYTES:
                    raise HTTPException(413, f"the image is larger than {MAX_BYTES:,} bytes")
    except TimeoutError:
        message = f"the image did not arrive within {BODY_SECONDS} s; send a smaller one"
        raise HTTPException(408, message, {"connection": "close"}) from None
    except ClientDisconnect:  # nobody gets this response
        raise HTTPException(400, "the image is incomplete; send it again") from None
    return bytes(content)


def server(app: FastAPI) -> uvicorn.Server:
    """A server that limits the number of connections."""
    return uvicorn.Server(
        uvicorn.Config(
            app, ws="none", limit_concurrency=MOST_CONNECTIONS, http="h11", log_level="warning"
        )
    )


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
    dataset = load_dataset_info(PROCESSED)
    answers = Answers(usable(found), dataset, familiarity(PROCESSED))
    action = "Draw" if dataset["conversion"]["center_like_mnist"] else "Drop"
    address = f"http://{options.host}:{options.port}"
    print(f"{action} an image at {address} (Ctrl-C stops it)", flush=True)
    hosts = LOCAL if options.host in LOCAL else ["*"]
    with suppress(KeyboardInterrupt):
        server(make_app(answers, hosts)).run(sockets=[listener])


if __name__ == "__main__":
    run(main, is_stage=False)
