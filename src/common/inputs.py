"""What a stage depends on must not change while the stage runs.

DVC records the dependencies of a stage after it has run (treeverse/dvc#11058). If a user edits one
of them meanwhile, DVC would record the outputs as results of a state that they were not made from.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from src.common.paths import PARAMS

State = dict[str, Any]  # for each file, its time, size and inode


def read_state(stage: str) -> State:
    """Return the present state of the dependencies that ``dvc.yaml`` lists for a stage.

    Args:
        stage: its name, such as ``train@cnn`` or ``../dvc.yaml:train@cnn``.
    """
    stages = yaml.load(Path("dvc.yaml").read_text("utf-8"), yaml.CSafeLoader)["stages"]
    name, _, key = stage.rpartition(":")[2].partition("@")
    listed = stages.get(name, {})  # a user can add stages in another file
    listed = listed.get("do", listed)
    paths = [Path(path.replace("${item}", key)) for path in listed.get("deps", [])]
    paths += [PARAMS] if "params" in listed else []
    return {str(file): _stamp(file) for path in paths for file in _files(path)}


def changed_inputs(stage: str, before: State) -> list[str]:
    """Return which dependencies of a stage differ from their state before it ran."""
    try:
        after = read_state(stage)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError):
        return ["dvc.yaml"]  # it is invalid now
    return sorted(name for name in before | after if before.get(name) != after.get(name))


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if not _is_ignored(name)]
        yield from (Path(folder, name) for name in files if not _is_ignored(name))


def _is_ignored(name: str) -> bool:
    """Whether ``.dvcignore`` has the name: files of editors, incomplete ones, compiled ones."""
    return name.startswith(".") or name.endswith(("~", ".pyc")) or name == "__pycache__"


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:  # missing, or a broken link
        return None
    # As in DVC, which hashes another file in the same place, also if its time and size are equal.
    return found.st_mtime_ns, found.st_size, found.st_ino
