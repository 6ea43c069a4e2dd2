"""Writes files and folders completely or not at all: to a temporary name, then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from src.common.errors import PipelineError

LONGEST_NAME = 50  # characters


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new, empty folder, which replaces ``path`` only if the block ends without error."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a killed process
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which replaces ``path`` only if the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Libraries derive the file format from the suffix. Other processes can write the same file.
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_files(folder: Path, old: Sequence[Path]) -> Iterator[Path]:
    """Yield a new, empty folder, whose files move to ``folder`` if the block ends without error.

    The files ``old`` in ``folder`` are then deleted. After an error, all files are as before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
        yield Path(partial)
        for path in old:
            path.unlink()
        for path in sorted(Path(partial).iterdir()):
            os.replace(path, folder / path.name)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, completely or not at all."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path, made_by: str) -> Any:
    """Read a JSON file of the stage ``made_by``.

    Raises:
        PipelineError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `dvc repro {made_by}`") from None
    except ValueError as error:
        raise PipelineError(
            f"{path} is not valid JSON ({error}); delete it and run `dvc repro {made_by}`"
        ) from None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_sha256(content: Any) -> str:
    """Return the SHA-256 of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_name(text: str) -> str:
    """Return ``text`` with a hyphen for each character that a file name should not have.

    It is cut after 50 characters: file systems allow 255 bytes.
    """
    safe = "".join(each if each.isalnum() or each in "-_." else "-" for each in text)
    return safe[:LONGEST_NAME]


def write_not_selected(folder: Path) -> None:
    """Write the output of a family without a selected recipe: DVC requires one."""
    with atomic_folder(folder) as target:
        (target / "not-selected.txt").write_text("`model` in params.yaml selects no recipe here.\n")
