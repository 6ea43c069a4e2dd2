"""Files that are whole or absent: written beside their final name, then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.errors import PipelineError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the name ``path`` only if the block ends without error.

    At each moment there is the whole old folder under that name, or none, or the whole new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    old = path.with_name(f".{path.name}.old.partial-{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write, which takes the name ``path`` only if the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    # The suffix stays: writers go by it.
    partial = path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what processes that were killed left of their attempts at ``path``."""
    for partial in path.parent.glob(f".{path.stem}*.partial-*"):
        process = partial.name.rsplit(".partial-", 1)[1].removesuffix(path.suffix)
        if process.isdigit() and not _lives(int(process)):
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its index, whole or not at all."""
    with whole_file(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def read_json(path: Path, made_by: str) -> Any:
    """Read JSON that the stage ``made_by`` wrote.

    Raises:
        PipelineError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run `dvc repro {made_by}` to make it") from None
    except ValueError as error:
        raise PipelineError(
            f"{path} is not valid JSON ({error}); delete it and run `dvc repro {made_by}`"
        ) from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_sha256(content: Any) -> str:
    """The SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
