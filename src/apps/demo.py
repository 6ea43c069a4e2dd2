"""A page on localhost where one draws a digit and sees what the trained models make of it.

``make demo``, or ``python -m src.apps.demo --port 8000``.
"""

import argparse
import socket
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from src.apps import picture_input
from src.apps.classifiers import Classifier
from src.common.errors import PipelineError, run

PAGE = Path(__file__).with_name("demo.html")
MAX_BODY = 1_000_000  # bytes; a drawing has about 5,000
LOCAL = ["127.0.0.1", "localhost"]


def make_app(models: list[Classifier], hosts: list[str]) -> FastAPI:
    """The page, and its two questions: which models there are, and what they say to a drawing.

    ``GET /models`` answers ``[{"name", "accuracy", "champion"}]``. ``POST /predict`` takes a PNG
    or JPEG as its body, and answers ``{"told", "image", "models": [{"name", "digit",
    "probabilities"}]}``, where ``image`` are the rows that the models see. Faults are answered by
    ``{"error"}`` and a status from 400 on.

    Args:
        models: for images of one size.
        hosts: names by which the page may be asked for, so that no other site's page can ask.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)  # its pages load from elsewhere
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    one_at_a_time = threading.Lock()

    def answer(content: bytes) -> dict:
        digit = picture_input.read(content, "the drawing", models[0].shape)
        with one_at_a_time:
            shares = [each.probabilities(digit.image[None])[0] for each in models]
        return {
            "told": digit.told,
            "image": digit.image.tolist(),
            "models": [
                {
                    "name": each.name,
                    "digit": int(share.argmax()),
                    "probabilities": [round(float(value), 4) for value in share],
                }
                for each, share in zip(models, shares, strict=True)
            ],
        }

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return PAGE.read_text("utf-8")

    @app.get("/models")
    def names() -> list[dict]:
        return [
            {"name": each.name, "accuracy": each.accuracy, "champion": each.champion}
            for each in models
        ]

    @app.post("/predict")
    async def predict(request: Request) -> dict:
        if request.headers.get("content-type") not in ("image/png", "image/jpeg"):
            raise HTTPException(415, "send a picture, as image/png or image/jpeg")
        content = b""
        async for part in request.stream():
            content += part
            if len(content) > MAX_BODY:
                raise HTTPException(413, f"the picture has more than {MAX_BODY:,} bytes")
        try:
            return await run_in_threadpool(answer, content)
        except PipelineError as error:
            raise HTTPException(422, str(error)) from None

    @app.exception_handler(AnyHTTPException)
    def fault(_: Request, error: AnyHTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: other machines too")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    listener = _listen(options.host, options.port)

    from src.apps.classifiers import classifiers
    from src.models.device import choose_device

    print("loading the models …", flush=True)
    choose_device("auto")
    models = classifiers()
    models = [each for each in models if each.shape == models[0].shape]
    for each in models:
        each.probabilities(np.zeros((1, *each.shape), np.uint8))  # compiles it
    print(f"Draw a digit at http://{options.host}:{options.port} (Ctrl-C ends it)", flush=True)
    hosts = LOCAL if options.host in LOCAL else ["*"]
    settings = uvicorn.Config(make_app(models, hosts), log_level="warning")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise PipelineError(
            f"{host}:{port} is not free ({why}); choose another: make demo PORT=8001"
        ) from None
    return listener


if __name__ == "__main__":
    run(main)
