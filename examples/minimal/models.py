"""The models and their training: functions that a test can call without DVC."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's messages would hide ours
import keras
import tensorflow as tf
from keras import layers


def softmax():
    return [layers.Flatten()]


def mlp():
    return [layers.Flatten(), layers.Dense(64, activation="relu")]


def cnn():
    convolution = layers.Conv2D(32, 3, activation="relu")
    return [layers.Reshape((8, 8, 1)), convolution, layers.MaxPooling2D(), layers.Flatten()]


MODELS = {"softmax": softmax, "mlp": mlp, "cnn": cnn}


def build(name):
    """A new network: from pixels, uint8 [N, 8, 8], to probabilities, float32 [N, 10]."""
    if name not in MODELS:
        sys.exit(f"error: model in params.yaml is {name!r}; choose one of {', '.join(MODELS)}")
    # Scaling is a layer, so whoever loads the model passes the pixels as they are.
    first = [keras.Input((8, 8), dtype="uint8"), layers.Rescaling(1 / 16)]
    return keras.Sequential([*first, *MODELS[name](), layers.Dense(10, activation="softmax")])


def fit(name, training, validation, epochs, learning_rate, seed):
    """Train a new network. Returns it and its metrics by epoch; the same seed, the same bits."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    network, optimizer = build(name), keras.optimizers.Adam(learning_rate)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = training["images"], training["labels"]
    held_out = validation["images"], validation["labels"]
    history = network.fit(x, y, epochs=epochs, validation_data=held_out, verbose=0)
    return network, history.history
