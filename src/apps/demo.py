"""A web page on which you draw or drop an image, and see what the trained models predict.

`make demo` or `python -m src.apps.demo --port 8000`.
"""

import argparse
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from src.apps.classifiers import Classifier, classifiers, hint_of, reader
from src.common import paths
from src.common.errors import run
from src.common.machine import listen
from src.data.splits import load_dataset_info, load_split
from src.pictures.convert import Picture
from src.pictures.decode import MAX_BYTES, PictureError

PAGE = Path(__file__).with_name("demo.html")
LOCAL = ["127.0.0.1", "localhost"]


@dataclass(frozen=True)
class Answers:
    """Predictions of all models, which have the same input size.

    All fields are loaded at the start, so that they remain those of one dataset if it is changed.
    """

    models: list[Classifier]
    dataset: dict[str, Any]  # dataset.json of their data
    test: tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]

    def description(self) -> dict[str, Any]:
        """The response to ``GET /models``: see ``make_app``."""
        shown = {key: self.dataset[key] for key in ("name", "class_names", "height", "width")}
        shown["center_like_mnist"] = self.dataset["conversion"]["center_like_mnist"]
        models = [{"name": each.name, "accuracy": each.accuracy} for each in self.models]
        return {"dataset": shown, "models": models}

    def to_file(self, content: bytes) -> dict[str, Any]:
        """Predict an image file; an HTTPException if the content is no image."""
        try:
            return self._answer(reader(self.dataset)(content))
        except PictureError as error:
            raise HTTPException(422, f"the image {error}") from None

    def to_test(self) -> dict[str, Any]:
        """Predict a random test image."""
        images, labels = self.test
        number = int(np.random.default_rng().integers(len(labels)))
        actual = self.dataset["class_names"][labels[number]]
        note = f"test image {number}, actual {actual}"
        return self._answer([Picture(np.array(images[number]), note)])

    def _answer(self, pictures: list[Picture]) -> dict[str, Any]:
        names = self.dataset["class_names"]
        results = [model.predict(pictures) for model in self.models]
        digits = []
        for number, picture in enumerate(pictures):
            predicted = []
            for model, (probabilities, _) in zip(self.models, results, strict=True):
                rounded = [round(float(value), 4) for value in probabilities[number]]
                best = int(probabilities[number].argmax())
                result = {"name": model.name, "class": best, "label": names[best]}
                predicted.append(result | {"probabilities": rounded})
            image = picture.image.tolist()
            digits.append({"image": image, "box": picture.box, "models": predicted})
        hint = hint_of(results[0][1])  # of the model that reads pictures best
        return {"note": pictures[0].note, "hint": hint, "digits": digits}


def make_app(answers: Answers, hosts: list[str]) -> FastAPI:
    """The page and its JSON API.

    ``GET /models`` returns ``{"dataset": {"name", "class_names", "center_like_mnist", "height",
    "width"}, "models": [{"name", "accuracy"}]}``. ``POST /predict`` takes an image file
    as its body and returns ``{"note", "hint", "digits": [{"image", "box", "models": [{"name",
    "class", "label", "probabilities"}]}]}``: one digit or a row, the rows of the models' input, and
    left, top, width and height of its box as fractions. ``GET /test`` returns the same for a random
    test image. An error is returned as ``{"detail"}`` with a status of 400 or higher.

    Args:
        hosts: the allowed host names of a request, so that no page of another site can send one.
    """
    # The pages that FastAPI generates would load scripts from the internet.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)

    # Functions that are not `async` would run in several threads at the same time.
    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE.read_text("utf-8")

    @app.get("/models")
    async def models() -> dict[str, Any]:
        return answers.description()

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > MAX_BYTES:
                raise HTTPException(413, f"the image is larger than {MAX_BYTES:,} bytes")
        return answers.to_file(bytes(content))

    @app.get("/test")
    async def test() -> dict[str, Any]:
        return answers.to_test()

    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.demo", description=__doc__)
    allow = "0.0.0.0 allows connections from other machines"
    parser.add_argument("--host", default="127.0.0.1", help=allow)
    parser.add_argument("--port", type=int, default=8000, help="default: 8000")
    options = parser.parse_args()
    listener = listen(options.host, options.port, "make demo PORT=8001")

    from src.models.device import choose_device

    models = classifiers()
    print("loading the models …", flush=True)
    choose_device("auto")
    for model in models:  # load and compile it
        model.predict([Picture(np.zeros(model.shape, np.uint8), "")])
    dataset, test = load_dataset_info(paths.PROCESSED), load_split(paths.PROCESSED, "test")
    answers = Answers(models, dataset, test)
    action = "Draw" if dataset["conversion"]["center_like_mnist"] else "Drop"
    address = f"http://{options.host}:{options.port}"
    print(f"{action} an image at {address} (Ctrl-C stops it)", flush=True)
    app = make_app(answers, LOCAL if options.host in LOCAL else ["*"])
    server = uvicorn.Server(uvicorn.Config(app, ws="none", log_level="warning"))
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


if __name__ == "__main__":
    run(main)
