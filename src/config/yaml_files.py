"""Reads the three YAML files of the user, and reports all mistakes in a file together."""

from pathlib import Path
from typing import Any

from src.common.errors import PipelineError
from src.common.messages import without_users
from src.common.yaml_text import InvalidYaml, read_yaml


def read_yaml_file(path: Path) -> dict[str, Any]:
    """Return the content of a file: a block of keys.

    Raises:
        PipelineError: the file is missing, is not YAML, or is not a block of keys.
    """
    try:
        content = read_yaml(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; restore it with `git checkout {path}`") from None
    except (InvalidYaml, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid YAML: {error}; correct it") from None
    if not isinstance(content, dict):
        raise PipelineError(
            f"{path} should contain keys with values; restore it with `git checkout {path}`"
        )
    return content


def refuse(path: Path, mistakes: list[str]) -> None:
    """Report mistakes, each one line: its path in the file, the value found, and what is valid.

    Raises:
        PipelineError: there are any.
    """
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PipelineError(f"{path} has {count}:\n" + "\n".join(f"  {each}" for each in mistakes))


def secrets(content: Any, path: str = "") -> list[str]:
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
    return [mistake for part, value in parts for mistake in secrets(value, part)]
