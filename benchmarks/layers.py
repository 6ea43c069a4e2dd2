"""Our batch normalization and augmentation, and Keras' layers, in a graph on the CPU."""

from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.timing import alternate, ratio
from src.common.tensorflow import keras, tf
from src.config.blocks import Augmentation
from src.models.device import choose_device
from src.training.augmentation import Augmenter
from src.training.forward import Normalization

BATCH, SIDE = 128, 28
SHAPES = (28, 32), (14, 64), (7, 128)  # side of the image, channels
CALLS = 10  # in one measurement
AFFINE = {"shift": 2.0, "rotation": 10.0, "scale": 0.1, "shear": 0.1}
INTRODUCTION = """\
Milliseconds for a batch of {batch} images, median of {repeat} rounds in which the programs
alternate. Batch normalization is in bfloat16, with its gradient; augmentation is in float32.

| layer | ours | Keras | Keras / ours |
| --- | ---: | ---: | ---: |"""


def measure(repeat: int) -> Iterator[str]:
    choose_device("cpu")
    yield INTRODUCTION.format(batch=BATCH, repeat=repeat)
    pairs = {
        **{f"batch normalization, {s} × {s} × {c}": _normalization(s, c) for s, c in SHAPES},
        "shift, rotation, scale, shear": _augmentation({}, _affine_layers()),
        "the same and elastic deformation": _augmentation(
            {"elastic": 1.0}, [*_affine_layers(), keras.layers.RandomElasticTransform()]
        ),
    }
    for name, (ours, theirs) in pairs.items():
        seconds = alternate({"ours": ours, "Keras": theirs}, repeat)
        times = [f"{1000 * median(each) / CALLS:.2f}" for each in seconds.values()]
        yield f"| {name} | {' | '.join(times)} | {ratio(seconds['Keras'], seconds['ours'])} |"


def _repeated(function: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(CALLS):
            function()

    return run


def _normalization(side: int, channels: int) -> tuple[Callable[[], None], Callable[[], None]]:
    layer = keras.layers.BatchNormalization(dtype="mixed_bfloat16")
    shape = BATCH, side, side, channels
    layer.build(shape)
    x = tf.cast(tf.random.stateless_normal(shape, (1, 2)), tf.bfloat16)
    ours = Normalization(layer)

    def with_gradient(forward: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[], None]:
        @tf.function
        def run(x: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = forward(x)
            return tape.gradient(y, [x, *layer.trainable_variables], output_gradients=x)

        return _repeated(lambda: run(x))

    return with_gradient(lambda x: ours(x)[0]), with_gradient(lambda x: layer(x, training=True))


def _affine_layers() -> list[keras.layers.Layer]:
    part, fill = AFFINE["shift"] / SIDE, {"fill_mode": "constant"}
    return [
        keras.layers.RandomTranslation(part, part, **fill),
        keras.layers.RandomRotation(AFFINE["rotation"] / 360, **fill),
        keras.layers.RandomZoom(AFFINE["scale"], AFFINE["scale"], **fill),
        keras.layers.RandomShear(x_factor=AFFINE["shear"], **fill),
    ]


def _augmentation(
    added: dict[str, float], layers: list[keras.layers.Layer]
) -> tuple[Callable[[], None], Callable[[], None]]:
    augmenter = Augmenter(Augmentation(**AFFINE, **added), SIDE, SIDE)
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH, SIDE, SIDE), np.uint8)
    images, seed = tf.constant(pixels), tf.constant([1, 2])
    floats = tf.cast(images[..., None], tf.float32)

    @tf.function
    def ours(images: tf.Tensor) -> tf.Tensor:
        return augmenter.apply(images, augmenter.draw(BATCH, seed))

    @tf.function
    def theirs(x: tf.Tensor) -> tf.Tensor:
        for layer in layers:
            x = layer(x, training=True)
        return x

    return _repeated(lambda: ours(images)), _repeated(lambda: theirs(floats))
