"""What the demo answers: the JSON content of its responses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import HTTPException

from src.apps.classifiers import Classifier
from src.apps.familiarity import HINT, Familiarity
from src.common import paths
from src.common.errors import PipelineError
from src.data.splits import load_split
from src.pictures.convert import convert


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
        return {
            "dataset": shown
            | {"center_like_mnist": self.dataset["conversion"]["center_like_mnist"]},
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
