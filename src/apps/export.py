"""Export a trained model to a file that runs without this project.

`python -m src.apps.export cnn --format onnx` writes `out/cnn.onnx`, runs it on test images, and
compares its predictions with those of the model. As in `model.keras`, the input are images,
`uint8 [N, H, W]`, and the output logits, `float32 [N, K]`.
"""

import argparse
import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.apps.classifiers import choose
from src.common import paths
from src.common.errors import PipelineError, run
from src.common.files import atomic_file, atomic_folder
from src.data.splits import load_split

if TYPE_CHECKING:
    import keras

SUFFIXES = {"onnx": ".onnx", "litert": ".tflite", "saved_model": ""}
COUNT = 1000  # test images with which a file is compared
MOST_LOST = 0.002  # accuracy that a file with int8 may lose
Logits = Callable[[np.ndarray], np.ndarray]  # of images


def export(model: "keras.Model", target: Path, kind: str, int8: bool) -> Logits:
    """Write ``model`` to ``target``, and return what computes logits with the result.

    Args:
        kind: one of ``SUFFIXES``.
        int8: whether the weights become int8; hidden values stay float32. Not for SavedModel.
    """
    from src.common.tensorflow import quiet, tf

    empty = np.zeros((1, *model.input_shape[1:]), np.uint8)
    model(empty)  # Keras exports a model only after its first call
    if kind == "litert":  # formerly TensorFlow Lite
        from ai_edge_litert.interpreter import Interpreter

        with quiet():
            options = {"optimizations": [tf.lite.Optimize.DEFAULT]} if int8 else {}
            model.export(target, format="litert", verbose=False, **options)
            signature = Interpreter(str(target)).get_signature_runner()
            signature(images=empty)
        return lambda images: next(iter(signature(images=images).values()))
    if kind == "onnx":
        import onnxruntime
        from onnxruntime.quantization import quantize_dynamic

        warnings.filterwarnings("ignore", module="keras")  # about NumPy
        model.export(target, format="onnx", verbose=False)
        if int8:
            logging.disable(logging.WARNING)  # advice for other kinds of networks
            # With 8 bits, processors without VNNI would overflow.
            quantize_dynamic(target, target, reduce_range=True)
        session = onnxruntime.InferenceSession(target)
        return lambda images: session.run(None, {"images": images})[0]
    model.export(target, format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(target)
    return lambda images: loaded.serve(images).numpy()


def compare(model: "keras.Model", exported: Logits, int8: bool) -> str:
    """Predict test images with a model and its exported file; return what differs, and the speed.

    A PipelineError is raised if the file predicts other classes; with ``int8``, if its accuracy is
    lower by more than ``MOST_LOST``.
    """
    from src.models.inference import Predictor

    images, labels = (np.array(part[:COUNT]) for part in load_split(paths.PROCESSED, "test"))
    exported(images)  # the first call can prepare the network
    started = time.perf_counter()
    found = exported(images)
    rate = len(images) / (time.perf_counter() - started)
    wanted = Predictor(model).logits(images)
    before, after = (float((each.argmax(axis=1) == labels).mean()) for each in (wanted, found))
    others = int((wanted.argmax(axis=1) != found.argmax(axis=1)).sum())
    text = (
        f"{len(images):,} test images: accuracy {after:.4f} ({before:.4f} before), {others} other "
        f"predictions, logits differ by at most {np.abs(found - wanted).max():.1g}; {rate:,.0f} "
        "images per second"
    )
    if before - after > MOST_LOST if int8 else others:
        raise PipelineError(f"nothing was written, because the result is not the model: {text}")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.export", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="a trained recipe")
    parser.add_argument("--format", choices=SUFFIXES, required=True, dest="kind")
    parser.add_argument("--int8", action="store_true", help="store the weights as int8")
    parser.add_argument("--log", action="store_true", help="add the file to the run in MLflow")
    options = parser.parse_args()
    if options.int8 and options.kind == "saved_model":
        parser.error("--int8 is for onnx and litert")

    from src.models.device import choose_device

    choose_device("cpu")
    model = choose(options.name).model
    suffix = f"{'-int8' if options.int8 else ''}{SUFFIXES[options.kind]}"
    target = paths.EXPORTED / f"{options.name}{suffix}"
    print(f"writing and comparing {target} …", flush=True)
    atomic = atomic_file if SUFFIXES[options.kind] else atomic_folder
    try:
        with atomic(target) as partial:
            text = compare(model, export(model, partial, options.kind, options.int8), options.int8)
    except ImportError as error:
        raise PipelineError(f"{error}; run `pip install -r requirements-export.txt`") from None
    files = [target, *target.rglob("*")]
    size = sum(path.stat().st_size for path in files if path.is_file())
    print(f"{target}: {size:,} bytes; {text}")
    if options.log:
        from src.tracking.sync import log_file

        print(f"MLflow: {target.name} is in the run {log_file(options.name, target)}")


if __name__ == "__main__":
    run(main)
