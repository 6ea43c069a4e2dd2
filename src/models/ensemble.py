"""A model that averages the probabilities of other models."""

from collections.abc import Sequence

import numpy as np

from src.common.tensorflow import keras
from src.models.calibration import fit_temperature
from src.models.inference import Predictor
from src.models.metrics import accuracy, cross_entropy
from src.models.record import HistoryRow, Record, TrainingResult


def average(members: Sequence[keras.Model]) -> keras.Model:
    """Return a model whose logits are the logarithms of the mean probabilities of its members.

    It consists of layers of Keras. All members have the same input ``uint8 [N, H, W]`` and the same
    classes.
    """
    for number, member in enumerate(members, 1):  # all have the name that Keras gave them
        member.name = f"member_{number}"
    images = keras.Input(members[0].input_shape[1:], dtype="uint8", name="images")
    probabilities = [keras.layers.Softmax()(member(images)) for member in members]
    mean = keras.layers.Average()(probabilities)
    # The logarithm of zero is not finite.
    return keras.Model(images, keras.ops.log(keras.ops.maximum(mean, keras.config.epsilon())))


def evaluate(
    model: keras.Model,
    records: Sequence[Record],
    losses: Sequence[float],
    validation: tuple[np.ndarray, np.ndarray],
) -> TrainingResult:
    """Evaluate an ensemble on the validation split, as a training would.

    Its only row of the history has the steps and epochs of all members together.

    Args:
        records: of the members.
        losses: the last training loss of each member.
        validation: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``.
    """
    images, labels = validation
    logits = Predictor(model).logits(images)
    row = HistoryRow(
        epoch=sum(each["epochs"] for each in records),
        step=sum(each["steps"] for each in records),
        loss=float(np.mean(losses)),
        val_loss=cross_entropy(logits, labels),
        val_accuracy=accuracy(logits, labels),
        learning_rate=0.0,
    )
    return TrainingResult(model, [row], [0.0], None, fit_temperature(logits, labels))
