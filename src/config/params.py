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
MemoryLimit = Literal["auto"] | Annotated[float, Field(ge=1.5, le=100_000)]
Threads = Literal["auto"] | Annotated[int, Field(ge=1, le=1024)]
MODEL = "tutorials, modern, all, a family, a recipe, or a list of these."
REPLACES = "A number replaces that of each selected recipe."
STRATEGY = "One device, all GPUs, or the workers of TF_CONFIG."
MEMORY = "GB; larger datasets are streamed; auto: all memory of the device."
MINIMUM_SKILL = "Least accuracy of a registered model: 0: of the most frequent class, 1: 100%."


class DataParams(Block):
    """The dataset, and its sources."""

    dataset: Dataset = Field(description="local: your own files.")
    name: OwnName = Field(description="Of your own dataset, in tables and in MLflow.")
    folders: list[str] = Field(description="Where the files are searched first.")
    mirrors: Literal["public"] | list[Mirror] = Field(description="Base URLs, searched next.")
    fallback: Literal["digits", "none"] = Field(description="If all fail; none: stop.")
    split: Literal["auto", "first", "stratified"] = Field(description="auto: stratified for local.")
    validation: Count = Field(
        description="Validation images; at most a fifth of the training images."
    )
    seed: Seed = Field(description="Of the stratified sample.")


class TrainParams(Block):
    """Settings of all trainings."""

    epochs: Literal["recipe"] | Count = Field(description=REPLACES)
    batch_size: Literal["recipe"] | BatchSize = Field(description=REPLACES)
    learning_rate: Literal["recipe"] | LearningRate = Field(description=REPLACES)
    device: Literal["auto", "cpu", "gpu"] = Field(description="auto: a GPU if there is one.")
    strategy: Literal["single", "mirrored", "multi_worker"] = Field(description=STRATEGY)
    memory_limit: MemoryLimit = Field(description=MEMORY)
    threads: Threads = Field(description="auto: one per processor.")
    compile: Literal["auto", "graph", "xla"] = Field(description="auto: the faster one.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(description="auto: the faster one.")
    class_weights: Literal["none", "balanced"] = Field(description="balanced: by 1 / frequency.")
    seed: Seed = Field(description="Of initial weights, order, dropout and augmentation.")
    tensorboard: bool = Field(description="Write logs for `make tensorboard`.")


class RegistryParams(Block):
    """Which models are registered in MLflow."""

    minimum_skill: float = Field(ge=0, le=1, description=MINIMUM_SKILL)


class Params(Block):
    """The content of ``params.yaml``."""

    model: str | Annotated[list[str], Field(min_length=1)] = Field(description=MODEL)
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
