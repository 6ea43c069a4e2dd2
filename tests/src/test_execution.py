"""What pays for which recipe on which device, and what is forced."""

from pathlib import Path

import pytest

from src import execution
from src.errors import PipelineError
from src.execution import Execution, choose_execution
from src.params import load_params

RECIPES = load_params(Path(__file__).parents[2] / "params.yaml").models
DENSE = ("softmax", "softmax_normal", "mlp_200", "mlp_sigmoid", "mlp_65x2", "mlp_ema")


@pytest.fixture(params=[True, False], ids=["bfloat16", "no bfloat16"])
def bfloat16(request, monkeypatch) -> bool:
    monkeypatch.setattr(execution, "_has_bfloat16", lambda: request.param)
    return request.param


@pytest.mark.parametrize("name", DENSE)
def test_dense_recipes_without_dropout_are_compiled_by_xla(name, bfloat16):
    chosen = choose_execution(RECIPES[name], "cpu", "auto", "auto")
    assert chosen == Execution("cpu", "xla", "float32")


@pytest.mark.parametrize("name", ["mlp_dropout", "cnn"])
def test_graphs_use_bfloat16_where_the_processor_has_it(name, bfloat16):
    chosen = choose_execution(RECIPES[name], "cpu", "auto", "auto")
    assert chosen == Execution("cpu", "graph", "bfloat16" if bfloat16 else "float32")


@pytest.mark.parametrize(
    ("compile", "precision"), [("graph", "float32"), ("graph", "bfloat16"), ("xla", "float32")]
)
def test_what_is_forced_is_done(compile, precision):
    for name in RECIPES:
        chosen = choose_execution(RECIPES[name], "cpu", compile, precision)
        assert (chosen.compile, chosen.precision) == (compile, precision)


def test_bfloat16_alone_means_a_graph():
    chosen = choose_execution(RECIPES["softmax"], "cpu", "auto", "bfloat16")
    assert (chosen.compile, chosen.precision) == ("graph", "bfloat16")


@pytest.mark.parametrize(("device", "compile"), [("cpu", "xla"), ("gpu", "graph"), ("gpu", "auto")])
def test_bfloat16_that_would_not_be_used_is_refused(device, compile):
    with pytest.raises(PipelineError, match=r"train\.precision is bfloat16, which"):
        choose_execution(RECIPES["cnn"], device, compile, "bfloat16")


@pytest.mark.parametrize("name", RECIPES)
def test_a_gpu_takes_xla_except_for_convolutions(name, bfloat16):
    compiled = "graph" if name == "cnn" else "xla"
    chosen = choose_execution(RECIPES[name], "gpu", "auto", "auto")
    assert chosen == Execution("gpu", compiled, "float32")
