import pytest

from benchmarks.matrix_products import MatrixProducts
from benchmarks.training import time_epochs
from src.training.execution import Execution
from src.training.network import build_model
from tests.fixtures.training import RECIPES

MORE = [pytest.param(name, marks=pytest.mark.expensive) for name in ("mlp_ema", "mlp_dropout")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softmax", *MORE])
def test_all_programs_are_timed_in_each_epoch(digits, name):
    timed, _ = time_epochs(name, *digits, repeat=3)
    assert list(timed.seconds) == ["ours", "original", "fit", "matrix products"]
    assert {len(seconds) for seconds in timed.seconds.values()} == {3}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_floating_point_operations_of_a_step_are_counted(precision):
    execution = Execution("cpu", "graph", precision)
    # 784 → 625 → 625 → 10: three products per layer, except for the first, which has two.
    model = build_model(RECIPES["mlp_dropout"], 28, 28, 10)
    products = MatrixProducts(model, 128, execution)
    assert products.flops == 128 * 2 * (2 * 784 * 625 + 3 * 625 * 625 + 3 * 625 * 10)
    model = build_model(RECIPES["cnn"], 28, 28, 10)
    first, second = 9 * 1 * 32 * 28 * 28, 9 * 32 * 64 * 14 * 14
    third, dense = 9 * 64 * 128 * 7 * 7, 2048 * 625 + 625 * 10
    products = MatrixProducts(model, 2, execution)
    assert products.flops == 2 * 2 * (2 * first + 3 * (second + third + dense))
    products.run(3)
