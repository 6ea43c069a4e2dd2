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
from src.config.recipe import TUTORIALS, Ensemble, Recipe
from src.config.selection import selection_mistakes
from src.config.validation_errors import describe

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
    ensembles: dict[RecipeName, Ensemble]

    def recipes(self) -> dict[str, Recipe | Ensemble]:
        """All recipes: those that are trained, and then the ensembles of them."""
        return {**self.models, **self.ensembles}

    def training(self, name: str) -> dict[str, Any]:
        """What determines the training of a recipe, or its members, in the form of JSON."""
        recipe = self.recipes()[name]
        return {
            "name": name,
            "recipe": recipe.model_dump(exclude={"published"}, exclude_none=True),
            "train": self.train.model_dump(exclude={"tensorboard"}),
        }

    def tutorials(self) -> dict[str, Recipe]:
        """The recipes of the families in the tutorials."""
        return {name: each for name, each in self.models.items() if each.family in TUTORIALS}

    def published(self, name: str) -> Published:
        """The values that the author of a recipe published; none for an ensemble."""
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
    mistakes = selection_mistakes(content) + _secrets("", content)
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        mistakes = describe(error, content, Params) + mistakes
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PipelineError(f"{path} has {count}:\n" + "\n".join(f"  {each}" for each in mistakes))
    return params


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
