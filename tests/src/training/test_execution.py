"""``auto`` chooses the fastest supported execution, and unsupported settings are errors."""

from pathlib import Path

import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.config.params import load_params
from src.training import execution
from src.training.execution import Execution, choose_execution

RECIPES = load_params(Path(__file__).parents[3] / "params.yaml").models
DENSE = ("softmax", "softmax_normal", "mlp_200", "mlp_sigmoid", "mlp_65x2", "mlp_ema")


@pytest.fixture(params=[True, False], ids=["bfloat16", "no bfloat16"])
def bfloat16(request, monkeypatch) -> bool:
    monkeypatch.setattr(execution, "_has_bfloat16", lambda device: request.param)
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
def test_explicit_settings_are_used(compile, precision):
    for name in RECIPES:
        chosen = choose_execution(RECIPES[name], "cpu", compile, precision)
        assert (chosen.compile, chosen.precision) == (compile, precision)


def test_bfloat16_on_a_cpu_implies_a_graph():
    chosen = choose_execution(RECIPES["softmax"], "cpu", "auto", "bfloat16")
    assert (chosen.compile, chosen.precision) == ("graph", "bfloat16")


def test_unsupported_bfloat16_is_an_error(monkeypatch):
    with pytest.raises(PipelineError, match=r"train\.precision is bfloat16, which .* not with xla"):
        choose_execution(RECIPES["cnn"], "cpu", "xla", "bfloat16")
    monkeypatch.setattr(execution, "_has_bfloat16", lambda device: False)
    with pytest.raises(PipelineError, match=r"needs a GPU of compute capability 8\.0"):
        choose_execution(RECIPES["cnn"], "gpu", "auto", "bfloat16")


@pytest.mark.parametrize("name", RECIPES)
def test_a_gpu_uses_xla_for_dense_recipes_and_bfloat16_for_convolutions(name, bfloat16):
    chosen = choose_execution(RECIPES[name], "gpu", "auto", "auto")
    if name == "cnn":
        assert chosen == Execution("gpu", "graph", "bfloat16" if bfloat16 else "float32")
    else:
        assert chosen == Execution("gpu", "xla", "float32")


@pytest.mark.parametrize(
    ("capabilities", "has"), [([(9, 0)], True), ([(8, 0), (7, 5)], False), ([None], False)]
)
def test_gpus_multiply_bfloat16_from_capability_8(monkeypatch, capabilities, has):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"compute_capability": gpu} if gpu else {},
    )
    assert execution._has_bfloat16("gpu") is has


def test_bfloat16_is_a_policy_of_layers_on_a_gpu_only():
    assert Execution("gpu", "xla", "bfloat16").policy() == "mixed_bfloat16"
    assert Execution("cpu", "graph", "bfloat16").policy() == "float32"
    assert Execution("gpu", "xla", "float32").policy() == "float32"


@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker"])
def test_replicas_are_not_compiled_by_xla(strategy):
    chosen = choose_execution(RECIPES["softmax"], "cpu", "auto", "auto", strategy)
    assert (chosen.compile, chosen.strategy) == ("graph", strategy)
    with pytest.raises(
        PipelineError, match=f"xla, which train.strategy {strategy} does not support"
    ):
        choose_execution(RECIPES["softmax"], "cpu", "xla", "auto", strategy)


def test_an_execution_is_printed_on_one_line():
    assert str(Execution("cpu", "xla", "float32")) == "cpu, all images in memory, xla, float32"
    text = str(Execution("gpu", "graph", "float32", "mirrored", 12800))
    assert text == "mirrored, gpu, 12,800 images in memory, graph, float32"
