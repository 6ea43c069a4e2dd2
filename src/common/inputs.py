"""What a stage depends on must not change while the stage runs.

DVC records the dependencies of a stage after it has run. If a user edits one of them meanwhile, DVC
would record the outputs as results of a state that they were not made from.
"""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from src.common.errors import PipelineError

State = dict[str, Any]  # for each file, its time, size and inode; for each parameter, its value


def read_state(stage: str) -> State:
    """Return the present state of the dependencies that ``dvc.yaml`` lists for a stage.

    Args:
        stage: its name, such as ``train@cnn`` or ``../dvc.yaml:train@cnn``.
    """
    content = yaml.load(Path("dvc.yaml").read_text("utf-8"), yaml.CSafeLoader)
    name, _, key = stage.rpartition(":")[2].partition("@")
    if name not in content["stages"]:  # a stage that the user added, in another file
        return {}
    listed = content["stages"][name]
    listed = listed.get("do", listed)
    paths = [Path(path.replace("${item}", key)) for path in listed.get("deps", [])]
    state: State = {str(file): _stamp(file) for path in paths for file in _files(path)}
    for each in listed.get("params", []):
        if isinstance(each, dict):  # all parameters of these files
            state |= {file: Path(file).read_bytes() for file in each}
        else:
            state[f"{each} in params.yaml"] = _parameter(each)
    return state


def check_unchanged(stage: str, before: State) -> None:
    """Compare the dependencies of a stage with their state before it ran.

    Raises:
        PipelineError: one has changed.
    """
    try:
        after = read_state(stage)
        changed = [name for name in before | after if before.get(name) != after.get(name)]
    except (OSError, ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError):
        changed = ["dvc.yaml or params.yaml"]  # it is invalid now
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise PipelineError(
            f"{min(changed)}{others} changed while the stage {stage} ran, so it is unknown which "
            "version its results come from, and DVC does not record them; run `dvc repro` again"
        )


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if not _is_ignored(name)]
        yield from (Path(folder, name) for name in files if not _is_ignored(name))


def _is_ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _ignored_patterns())


@cache
def _ignored_patterns() -> list[str]:
    path = Path(".dvcignore")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:  # missing, or a broken link
        return None
    # As in DVC, which hashes another file in the same place, also if its time and size are equal.
    return found.st_mtime_ns, found.st_size, found.st_ino


def _parameter(key: str) -> Any:
    value = yaml.load(Path("params.yaml").read_text("utf-8"), yaml.CSafeLoader)
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
