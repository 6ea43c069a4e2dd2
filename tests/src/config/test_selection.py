"""``model`` selects recipes, and each name in it has one meaning."""

import pytest

from src.config.params import load_params
from src.config.selection import select, valid_names
from tests.fixtures.training import RECIPES, TINY_CONVNET

TUTORIALS = ["softmax", "softmax_normal", "mlp_200", "mlp_ema", "cnn"]
MODELS = {
    # The other order: recipes keep that of the file.
    **dict.fromkeys(["a", "b", "c", "d"], TINY_CONVNET),
    **{name: RECIPES[name].model_dump(exclude_none=True) for name in TUTORIALS},
}
ENSEMBLES = {"three": {"members": ["a", "c", "d"]}, "mixed": {"members": ["cnn", "b", "a"]}}
FRONTIER = ["a", "b", "c", "d"]
PARAMS = {"models": MODELS, "ensembles": ENSEMBLES}


@pytest.mark.parametrize(
    ("model", "selected"),
    [
        ("tutorials", TUTORIALS),
        ("frontier", ["a", "b", "c", "d", "cnn", "three", "mixed"]),  # cnn is a member
        ("all", [*FRONTIER, *TUTORIALS, "three", "mixed"]),
        ("convnet", FRONTIER),
        ("cnn", ["cnn"]),
        ("softmax", ["softmax", "softmax_normal"]),  # the family
        ("mlp_ema", ["mlp_ema"]),
        ("three", ["a", "c", "d", "three"]),
        ("mixed", ["a", "b", "cnn", "mixed"]),
        ("ensemble", ["a", "b", "c", "d", "cnn", "three", "mixed"]),
        (["cnn", "mlp_200"], ["mlp_200", "cnn"]),
        (["three", "cnn"], ["a", "c", "d", "cnn", "three"]),
        (["cnn", "all"], [*FRONTIER, *TUTORIALS, "three", "mixed"]),
        (["tutorials", "b"], ["b", *TUTORIALS]),
    ],
)
def test_model_selects_recipes(write_params, model, selected):
    assert select(load_params(write_params({**PARAMS, "model": model}))) == selected


def test_without_ensembles_the_frontier_has_networks_only(write_params):
    changes = {"models": MODELS, "ensembles": {}, "model": "frontier"}
    assert select(load_params(write_params(changes))) == FRONTIER


def test_each_valid_name_selects_something(write_params):
    families = {name: recipe["family"] for name, recipe in MODELS.items()}
    for name in valid_names(families, ENSEMBLES):
        assert select(load_params(write_params({**PARAMS, "model": name})))
    assert "ensemble" not in valid_names(families, {})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "cnnn"}, "model: found 'cnnn': Input should be tutorials, frontier, all, conv"),
        ({"model": "cnnn"}, "or a list of these (did you mean 'cnn'?)"),
        ({"model": "fronteir"}, "(did you mean 'frontier'?)"),
        ({"model": "mixd"}, "(did you mean 'mixed'?)"),
        ({"model": []}, "model: found []: Input should be tutorials, frontier, all, convnet, sof"),
        ({"model": ["cnn", "nope"]}, "model: found 'nope'"),
        ({"model": "ensemble", "ensembles": {}}, "model: found 'ensemble': Input should be"),
        (
            {"models.all": TINY_CONVNET},
            "models.all: rename this recipe; `model: all` selects all recipes of the group all",
        ),
        (
            {"models.frontier": TINY_CONVNET},
            "models.frontier: rename this recipe; `model: frontier` selects all recipes of the",
        ),
        (
            {"models.mlp": TINY_CONVNET},
            "models.mlp: rename this recipe; `model: mlp` selects the family mlp",
        ),
        ({"models.ensemble": TINY_CONVNET}, "models.ensemble: rename this recipe; `model: ens"),
        (
            {"ensembles.convnet": ENSEMBLES["three"]},
            "ensembles.convnet: rename this recipe; `model: convnet` selects the family convnet",
        ),
        (
            {"ensembles.tutorials": ENSEMBLES["three"]},
            "ensembles.tutorials: rename this recipe; `model: tutorials` selects all recipes of",
        ),
        ({"ensembles.b": ENSEMBLES["three"]}, "ensembles.b: rename it; a recipe has this name"),
        (
            {"ensembles.three.members": ["a", "c", "mlp_20"]},
            "ensembles.three.members: found 'mlp_20': Input should be a recipe of the block models "
            "(did you mean 'mlp_200'?)",
        ),
        (
            {"ensembles.three.members": ["a", "c", "mixed"]},
            "ensembles.three.members: found 'mixed': Input should be a recipe of the block models",
        ),
        ({"ensembles.three.members": ["a", "b"]}, "List should have at least 3 items"),
        ({"ensembles.three.members": ["a", 5, "b"]}, "ensembles.three.members[1]: found 5: Input"),
        (
            {"ensembles.three.members": 5},
            "ensembles.three.members: found 5: Input should be a valid",
        ),
        ({"ensembles.three.members": None}, "ensembles.three.members: found None: Input should"),
        ({"ensembles.three": None}, "ensembles.three: found None: Input should be a valid dict"),
        ({"ensembles": ...}, "ensembles: Field required"),
    ],
)
def test_a_name_that_is_invalid_or_ambiguous_is_a_mistake(mistakes, changes, expected):
    message = mistakes({**PARAMS, **changes})
    assert " has a mistake:\n" in message
    assert expected in message.splitlines()[1]


def test_mistakes_in_several_blocks_are_reported_together(mistakes):
    changes = {"model": "x", "models.all": TINY_CONVNET, "ensembles.three.members": ["a", "b", "x"]}
    assert "has 3 mistakes" in mistakes({**PARAMS, **changes})


def test_an_ensemble_may_have_the_name_of_its_family(write_params):
    changes = {"models": MODELS, "ensembles": {"ensemble": ENSEMBLES["three"]}, "model": "ensemble"}
    assert select(load_params(write_params(changes))) == ["a", "c", "d", "ensemble"]
