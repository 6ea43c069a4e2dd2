"""Reads and validates ``params.yaml``; all mistakes in it are reported together."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from src.common.errors import PipelineError
from src.common.messages import without_users
from src.common.paths import PARAMS
from src.common.yaml_text import InvalidYaml, read_yaml
from src.config.block import Block, Count
from src.config.published_values import Published
from src.config.recipe import ENSEMBLE, FAMILIES, GROUPS, Ensemble, Recipe
from src.config.validation_errors import describe, nearest

# A test compares these names with src/ingest/catalog.py.
Dataset = Literal[
    "mnist",
    "fashion-mnist",
    "kmnist",
    "emnist-balanced",
    "emnist-letters",
    "kannada-mnist",
    "qmnist",
    "digits",
    "local",
]


def _own_name(name: str) -> str:
    if name != "local" and name in get_args(Dataset):
        raise PydanticCustomError(
            "name", "this is the name of a published dataset; choose another name"
        )
    return name


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OwnName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,49}$"), AfterValidator(_own_name)]
# It is part of file names, which have at most 255 characters: those of notes add about 110.
RecipeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]


class DataParams(Block):
    """The dataset, and its sources."""

    dataset: Dataset
    name: OwnName
    folders: list[str]
    mirrors: Literal["public"] | list[Annotated[str, Field(pattern=r"^https?://")]]
    fallback: Literal["digits", "none"]
    split: Literal["auto", "first", "stratified"]
    validation: Count
    seed: Seed


class TrainParams(Block):
    """Settings of all trainings."""

    device: Literal["auto", "cpu", "gpu"]
    strategy: Literal["single", "mirrored", "multi_worker"]
    memory_limit: Literal["auto"] | Annotated[float, Field(ge=1.5, le=100_000)]  # GB
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)]
    compile: Literal["auto", "graph", "xla"]
    precision: Literal["auto", "float32", "bfloat16"]
    seed: Seed
    tensorboard: bool


class RegistryParams(Block):
    """Which models are registered in MLflow."""

    minimum_accuracy: dict[Dataset, Fraction]
    minimum_skill: Fraction
    champion_margin: Annotated[float, Field(ge=0, le=100)]


class Params(Block):
    """The content of ``params.yaml``."""

    model: str | list[str]
    data: DataParams
    train: TrainParams
    registry: RegistryParams
    models: Annotated[dict[RecipeName, Recipe], Field(min_length=1)]
    ensemble: Ensemble

    def published(self, name: str) -> Published:
        """The values that the author of a recipe published; none for the ensemble."""
        return self.models[name].published if name in self.models else Published()


def load_params(path: Path = PARAMS) -> Params:
    """Read and validate the parameters.

    Raises:
        PipelineError: the file is missing, is not YAML, or contains mistakes. The message has a
            line for each mistake: its path in the file, the value found, and what is valid.
    """
    try:
        content = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; restore it with `git checkout {path}`") from None
    except (InvalidYaml, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid YAML: {error}; correct it") from None
    mistakes = _model_mistakes(content) + _secrets("", content)
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        mistakes = describe(error, content, Params) + mistakes
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PipelineError(f"{path} has {count}:\n" + "\n".join(f"  {each}" for each in mistakes))
    return params


def select(params: Params) -> list[str]:
    """The names of the recipes that ``model`` selects, in the order of ``models``.

    A name that is both a family and a recipe means the family. The ensemble is last, and selects
    its members.
    """
    wanted = {params.model} if isinstance(params.model, str) else set(params.model)
    families = {family for name in wanted for family in GROUPS.get(name, (name,))} & {*FAMILIES}
    names = wanted - families
    ensemble = any(ENSEMBLE in GROUPS.get(name, (name,)) for name in wanted)
    if ensemble:
        names |= {*params.ensemble.members}
    selected = [
        name
        for name, recipe in params.models.items()
        if recipe.family in families or name in names
    ]
    return selected + [ENSEMBLE] * ensemble


def _secrets(path: str, content: Any) -> list[str]:
    """A mistake for each address with a password: DVC and MLflow store and show all parameters."""
    if isinstance(content, dict):
        parts = [(f"{path}.{key}".removeprefix("."), value) for key, value in content.items()]
    elif isinstance(content, list):
        parts = [(f"{path}[{index}]", value) for index, value in enumerate(content)]
    else:
        is_address = isinstance(content, str) and "://" in content
        has_secret = is_address and without_users(content) != content
        advice = "remove it; user name and password belong in ~/.netrc, or in the file that the "
        advice += "environment variable NETRC names"
        return [f"{path}: the address has a user name, password or query: {advice}"] * has_secret
    return [mistake for part, value in parts for mistake in _secrets(part, value)]


def _family(recipe: Any) -> str | None:
    family = recipe.get("family") if isinstance(recipe, dict) else None
    return family if isinstance(family, str) else None


def _model_mistakes(content: Any) -> list[str]:
    """Mistakes in ``model`` and in the names of recipes; they are not part of pydantic's schema."""
    if not isinstance(content, dict) or not isinstance(content.get("models"), dict):
        return []
    families = {name: _family(recipe) for name, recipe in content["models"].items()}
    mistakes = [
        f"models.{name}: rename this recipe; `model: {name}` selects {_meaning(name)}"
        for name, family in families.items()
        if name in (*GROUPS, ENSEMBLE) or (name in FAMILIES and family in FAMILIES and name != family)
    ]
    wanted = content.get("model")
    names = wanted if isinstance(wanted, list) else [wanted]
    valid = [str(name) for name in dict.fromkeys(valid_names(families)) if name]
    expected = f"Input should be {', '.join(valid)}, or a list of these"
    mistakes += [
        f"model: found {name!r}: {expected}{nearest(name, valid)}"
        for name in names
        if isinstance(name, str) and name not in valid
    ]
    members = content["ensemble"].get("members") if isinstance(content.get("ensemble"), dict) else []
    mistakes += [
        f"ensemble.members: found {name!r}: Input should be a recipe{nearest(name, [*families])}"
        for name in (members if isinstance(members, list) else [])
        if name not in families
    ]
    return mistakes + ([f"model: found []: {expected}"] if wanted == [] else [])


def valid_names(families: dict[str, str | None]) -> list[str | None]:
    """What ``model`` can be; ``families`` are those of the recipes."""
    return list(dict.fromkeys([*GROUPS, *families.values(), *families, ENSEMBLE]))


def _meaning(name: str) -> str:
    if name == ENSEMBLE:
        return "the ensemble"
    return f"the family {name}" if name in FAMILIES else f"the recipes of the group {name}"
