"""A recipe as one line of text."""

import pytest

from src.tracking import recipe_text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "softmax",
            "28 × 28 pixels → 10 classes; sgd, learning rate 0.01; batches of 100, 25 epochs",
        ),
        (
            "mlp_dropout",
            "28 × 28 pixels → 625 relu → 625 relu → 10 classes; dropout 0.2 of inputs, 0.5 of "
            "hidden; rmsprop, learning rate 0.001; batches of 128, 10 epochs",
        ),
        (
            "mlp_ema",
            "28 × 28 pixels → 500 relu → 10 classes; sgd, learning rate 0.8; exponential "
            "schedule; L2 0.0001; moving average of the weights; batches of 100, 30,000 steps",
        ),
        (
            "cnn",
            "28 × 28 pixels → 3 × 3 convolutions (32, 64, 128) → 625 relu → 10 classes; dropout "
            "0.2 of convolutions, 0.5 of hidden; rmsprop, learning rate 0.001; batches of 128, "
            "10 epochs",
        ),
    ],
)
def test_a_recipe_is_one_line(untrained, name, line):
    assert recipe_text.recipe_line(untrained(name)) == line
