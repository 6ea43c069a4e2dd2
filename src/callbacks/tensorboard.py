"""TensorBoard's files of a training: scalars, weight histograms, and the graph."""

import os
import shutil
from pathlib import Path

import keras
import tensorflow as tf
from tensorboard.plugins.histogram.summary import histogram_pb

HISTOGRAMS = 6  # of each weight in a training, at most about so many
BUCKETS = 30  # as in TensorFlow's own summaries


def folder(logs: Path, name: str) -> Path:
    """``logs/<recipe>/<DVC experiment>``, or ``logs/<recipe>/workspace`` outside of one."""
    return logs / name / (os.environ.get("DVC_EXP_NAME") or "workspace")


class TensorBoard(keras.callbacks.TensorBoard):
    """Keras' own callback, with training steps for its x axis, and histograms that cost less.

    A training that goes on from a checkpoint adds to the files; a new one starts them anew.

    Args:
        folder: of the files.
        goes_on: whether there is a checkpoint.
    """

    def __init__(self, folder: Path, goes_on: bool) -> None:
        super().__init__(folder, write_graph=False)  # TensorBoard cannot draw that of Keras 3
        self._folder, self._goes_on = folder, goes_on

    def set_model(self, model: keras.Model) -> None:
        """Write the graph of the model, from images to logits."""
        if not self._goes_on:
            shutil.rmtree(self._folder, ignore_errors=True)
        super().set_model(model)
        images = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8)
        call = tf.function(lambda images: model(images, training=False))
        with self._train_writer.as_default():
            tf.summary.graph(call.get_concrete_function(images).graph)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        step = int(logs["step"])
        names = ("loss", "learning_rate", "val_loss", "val_accuracy")
        super().on_epoch_end(step, {name: logs[name] for name in names})
        rows = round((epoch + 1) * self.params["total_steps"] / step)  # there will be, about
        if epoch % -(-rows // HISTOGRAMS) == 0:
            self._write_histograms(step)

    def _write_histograms(self, step: int) -> None:
        # TensorFlow's op sorts each value into a row of all buckets: 40 times the work of NumPy.
        with self._train_writer.as_default():
            for weight in self.model.weights:
                summary = histogram_pb(weight.path, weight.numpy(), BUCKETS)
                tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step)
