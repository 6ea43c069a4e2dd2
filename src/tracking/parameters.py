"""The parameters of a training in MLflow, under the names that Keras uses."""

import json
from typing import Any

from src.common.git import flat
from src.models.record import RunConfig

MAX_PARAM = 6000  # MLflow's limit of characters in the value of a parameter
KERAS = {
    "optimizer.kind": "optimizer",
    "schedule.kind": "schedule",
    "weights.kind": "kernel_initializer",
    "bias.kind": "bias_initializer",
    "kernel": "kernel_size",
    "pool": "pool_size",
}
# The keys of these blocks of a recipe are unique, and need no name of the block in front.
PLAIN = ("optimizer.", "schedule.")
INITIALIZERS = {"weights.": "kernel_initializer.", "bias.": "bias_initializer."}


def parameters(config: RunConfig) -> dict[str, str]:
    """All settings of a recipe, also those with default values, the settings in ``train``, and the
    number of weights, as ``parameters``.
    """
    found = dict(flat(config["recipe"])) | {"parameters": config["parameters"]}
    found |= flat(config["train"], "train.")
    return {keras_name(key): _text(value) for key, value in found.items() if value is not None}


def keras_name(key: str) -> str:
    """The name of a setting such as ``optimizer.beta_1`` in MLflow: ``beta_1``."""
    if key in KERAS:
        return KERAS[key]
    for block, name in INITIALIZERS.items():
        if key.startswith(block):
            return name + key.removeprefix(block)
    for block in PLAIN:
        key = key.removeprefix(block)
    return key


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM]
