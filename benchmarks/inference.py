"""Compare the inference speed with ``model.predict``."""

from collections.abc import Iterator
from statistics import median

import numpy as np

from benchmarks.timing import alternate, ratio
from src.common.paths import PROCESSED
from src.config.recipes import load_recipes, tutorials
from src.data.splits import load_split
from src.models.device import choose_device
from src.models.inference import Predictor
from src.training.network import build_model

IMAGES = 10_000
INTRODUCTION = """\
Images per second, for {images:,} images. *predict* is Keras' `model.predict` with default settings.

| recipe | ours | predict | ours / predict |
| --- | ---: | ---: | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    choose_device("cpu")
    images = np.asarray(load_split(PROCESSED, "train")[0][:IMAGES])
    yield INTRODUCTION.format(images=len(images))
    for name, recipe in tutorials(load_recipes()).items():
        model = build_model(recipe, *images.shape[1:], 10)
        predictor = Predictor(model)
        seconds = alternate(
            {
                "ours": lambda predictor=predictor: predictor.logits(images),
                "predict": lambda model=model: model.predict(images, verbose=0),
            },
            repeat,
        )
        rates = " | ".join(f"{len(images) / median(each):,.0f}" for each in seconds.values())
        yield f"| {name} | {rates} | {ratio(seconds['predict'], seconds['ours'])} |"
