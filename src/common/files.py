"""Writes files and folders completely or not at all: to a temporary name, then renamed."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
    # Libraries derive the file format from the suffix.
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def shared_file(path: Path) -> Iterator[Path]:
    """As ``atomic_file``, also if other processes write the same file at the same time.

    A killed process leaves a hidden folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
        partial = Path(folder, path.name)
        yield partial
        os.replace(partial, path)


@contextmanager
def atomic_files(folder: Path, old: Sequence[Path]) -> Iterator[Path]:
    """Yield a new, empty folder, whose files move to ``folder`` if the block ends without error.

    The files ``old`` in ``folder`` are then deleted. After an error, all files are as before. Where
    this is impossible, for example after a SIGKILL, the old files are kept in another folder.

    Raises:
        PipelineError: another process writes to the folder; or an earlier one could not put the old
            files back, and the message says where they are.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{folder.name}.partial"
    kept = partial / "old"
    with _locked(folder):
        _check_removed(kept, folder)
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process
        partial.mkdir()
        try:
            yield partial
            new = sorted(partial.iterdir())
            kept.mkdir()
            moves = [(path, kept / path.name) for path in old]
            _move_all(moves + [(path, folder / path.name) for path in new])
            os.replace(kept, partial / "replaced")  # from now on, nobody needs them
        finally:
            with suppress(OSError):  # it is missing; or it has files that could not be put back
                kept.rmdir()
            if not kept.exists():
                shutil.rmtree(partial, ignore_errors=True)
            with suppress(OSError):  # it is not empty
                for path in created:
                    path.rmdir()
            _check_removed(kept, folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder for this process, without a file in it; the lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineError(
                f"another process writes to {folder}; wait until it ends, and start again"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _check_removed(kept: Path, folder: Path) -> None:
    if kept.exists():
        raise PipelineError(
            f"the files of {folder} were not replaced completely, and the old ones are in {kept}; "
            f"move them back or delete {kept}, and start again"
        )


def _move_all(moves: list[tuple[Path, Path]]) -> None:
    done = []
    try:
        for move in moves:
            done.append(move)
            os.replace(*move)
    except BaseException:  # also Ctrl-C
        for source, destination in reversed(done):
            with suppress(OSError):  # the others can still be put back
                if not source.exists():
                    os.replace(destination, source)
        raise


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
