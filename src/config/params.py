"""Reads and validates ``params.yaml``; all mistakes in it are reported together."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from src.common.messages import without_secrets
from src.common.paths import PARAMS
from src.config.blocks import Block, Count, LearningRate
from src.config.recipe import BatchSize
from src.config.yaml_files import read_yaml_file, refuse, validate

# A test compares these names with src/ingest/catalog.py.
Dataset = Literal["mnist", "fashion-mnist", "kmnist", "digits", "local"]


def _own_name(name: str) -> str:
    if name != "local" and name in get_args(Dataset):
        raise PydanticCustomError(
            "name", "this is the name of a published dataset; choose another name"
        )
    return name


def _without_secrets(address: str) -> str:
    if without_secrets(address) != address:  # DVC and MLflow store and show all parameters
        raise PydanticCustomError(
            "secret",
            "remove user name, password and query of the address; user name and password belong in "
            "~/.netrc, or in the file that the environment variable NETRC names",
        )
    return address


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
OwnName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,49}$"), AfterValidator(_own_name)]
Mirror = Annotated[str, Field(pattern=r"^https?://"), AfterValidator(_without_secrets)]


class DataParams(Block):
    """The dataset, and its sources."""

    dataset: Dataset
    name: OwnName
    folders: list[str]
    mirrors: Literal["public"] | list[Mirror]
    fallback: Literal["digits", "none"]
    split: Literal["auto", "first", "stratified"]
    validation: Count
    seed: Seed


class TrainParams(Block):
    """Settings of all trainings. The first three can replace a value of all selected recipes."""

    epochs: Literal["recipe"] | Count
    batch_size: Literal["recipe"] | BatchSize
    learning_rate: Literal["recipe"] | LearningRate
    device: Literal["auto", "cpu", "gpu"]
    strategy: Literal["single", "mirrored", "multi_worker"]
    memory_limit: Literal["auto"] | Annotated[float, Field(ge=1.5, le=100_000)]  # GB
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)]
    compile: Literal["auto", "graph", "xla"]
    precision: Literal["auto", "float32", "bfloat16"]
    class_weights: Literal["none", "balanced"]
    seed: Seed
    tensorboard: bool


class RegistryParams(Block):
    """Which models are registered in MLflow."""

    minimum_skill: Annotated[float, Field(ge=0, le=1)]


class Params(Block):
    """The content of ``params.yaml``."""

    model: str | Annotated[list[str], Field(min_length=1)]
    data: DataParams
    train: TrainParams
    registry: RegistryParams


def load_params(path: Path = PARAMS) -> Params:
    """Read and validate the parameters, except the names in ``model``: see ``plan.select``.

    Raises:
        PipelineError: the file is missing, is not YAML, or contains mistakes. The message has a
            line for each mistake: its path in the file, the value found, and what is valid.
    """
    mistakes: list[str] = []
    params = validate(Params, read_yaml_file(path), mistakes)
    refuse(path, mistakes)
    return params
