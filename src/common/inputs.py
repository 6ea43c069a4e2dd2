"""What a stage depends on must not change while the stage runs.

DVC records the dependencies of a stage after it has run (treeverse/dvc#11058). If a user edits one
of them meanwhile, DVC would record the outputs as results of a state that they were not made from.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from src.common.paths import PARAMS

State = dict[str, Any]  # for each file, its time, size and inode
IGNORED = re.compile(r"(^|/)\.|~$|\.pyc$")  # files of editors, incomplete ones, compiled ones


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


def _files(path: Path) -> list[Path]:
    """The path; of a folder, its files, except those that ``.dvcignore`` names."""
    if not path.is_dir():
        return [path]
    names = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
    return [path / name for name in names if not IGNORED.search(str(name))]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Time, size and inode, by which DVC decides whether to hash a file; None if it is missing."""
    if not path.exists():
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
