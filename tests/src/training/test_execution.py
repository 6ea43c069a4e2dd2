"""``auto`` chooses the fastest supported execution, and unsupported settings are errors."""

from pathlib import Path

import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.training import execution
from src.training.execution import Execution, choose_execution
from tests.fixtures.training import RECIPES

LARGE = ("mlp_200", "mlp_dropout")  # dense recipes whose steps compute many hidden values


@pytest.fixture(params=[False, True], ids=["slow bfloat16", "fast bfloat16"])
def is_fast(request, monkeypatch) -> bool:
    """Whether the device has fast bfloat16."""
    monkeypatch.setattr(execution, "_has_fast_bfloat16", lambda device: request.param)
    return request.param


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_has_one_execution_on_each_kind_of_device(name, device, is_fast):
    convolutional = RECIPES[name].family in ("cnn", "convnet")
    large = device == "cpu" and name in LARGE and is_fast
    reduced = (convolutional and is_fast) or large
    expected = "graph" if convolutional or large else "xla", "bfloat16" if reduced else "float32"
    assert choose_execution(RECIPES[name], device, "auto", "auto") == Execution(device, *expected)


@pytest.mark.parametrize("name", LARGE)
def test_a_fixed_setting_limits_the_choice_of_the_other_one(name, is_fast):
    assert choose_execution(RECIPES[name], "cpu", "auto", "float32").compile == "xla"
    assert choose_execution(RECIPES[name], "cpu", "xla", "auto").precision == "float32"
    chosen = choose_execution(RECIPES[name], "cpu", "graph", "auto").precision
    assert chosen == ("bfloat16" if is_fast else "float32")
    assert choose_execution(RECIPES[name], "cpu", "auto", "bfloat16").compile == "graph"


def test_unsupported_bfloat16_is_an_error(monkeypatch):
    with pytest.raises(PipelineError, match=r"bfloat16, which needs train\.compile graph on a CPU"):
        choose_execution(RECIPES["cnn"], "cpu", "xla", "bfloat16")
    monkeypatch.setattr(execution, "_has_fast_bfloat16", lambda device: False)
    with pytest.raises(PipelineError, match=r"needs compute capability 8\.0 or higher on a GPU"):
        choose_execution(RECIPES["cnn"], "gpu", "auto", "bfloat16")


@pytest.mark.parametrize(
    ("capabilities", "has"), [([(9, 0)], True), ([(8, 0), (7, 5)], False), ([()], False)]
)
def test_gpus_multiply_bfloat16_from_capability_8(monkeypatch, capabilities, has):
    def details(gpu):
        return {"compute_capability": gpu} if gpu else {}

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
    assert execution._has_fast_bfloat16("gpu") is has


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("avx2 avx512f", False), ("avx512_bf16 avx2", False), ("avx512_bf16 amx_bf16", True)],
)
def test_the_features_of_a_processor_are_read(monkeypatch, flags, expected):
    monkeypatch.setattr(Path, "read_text", lambda *arguments: f"processor: 0\nflags: {flags}\n")
    assert execution._has_fast_bfloat16("cpu") is expected


@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker"])
def test_replicas_are_not_compiled_by_xla(strategy):
    chosen = choose_execution(RECIPES["softmax"], "cpu", "auto", "auto", strategy)
    assert (chosen.compile, chosen.strategy) == ("graph", strategy)
    with pytest.raises(PipelineError, match=f"xla, which train.strategy {strategy} does not"):
        choose_execution(RECIPES["softmax"], "cpu", "xla", "auto", strategy)
