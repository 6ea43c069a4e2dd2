"""Asks git about this checkout: files of the last commit, and what changed since."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from src.common.messages import without_secrets
from src.common.yaml_text import read_yaml


def git(*words: str) -> str:
    """The output of git; empty if it fails or is not installed."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except OSError:
        return ""
    # With --no-index, git exits with 1 if the files differ.
    failed = done.returncode > ("--no-index" in words)
    return "" if failed else done.stdout.decode(errors="replace")


def committed(path: object) -> str:
    """The content of a file in the last commit; empty if it has none."""
    return git("show", f"HEAD:./{path}")


def changes_of(path: Path, prefix: str = "", revision: str | None = None) -> list[str]:
    """The changes of a YAML file since the last commit, as arguments for ``dvc exp run -S``.

    Args:
        prefix: of the key: the file, unless it is ``params.yaml``.
        revision: whose file is compared with that of the commit; None for the present one.
    """
    try:
        old = read_yaml(committed(path))
        new = read_yaml(
            git("show", f"{revision}:./{path}") if revision else path.read_text("utf-8")
        )
        before, after = dict(flat(old or new)), dict(flat(new))
    except (OSError, ValueError, AttributeError):
        return []  # AttributeError: no block of keys
    changed = {key: value for key, value in after.items() if before.get(key, KeyError) != value}
    found = [f"{prefix}~{key}" for key in before if key not in after]  # Hydra's syntax
    for key, value in changed.items():
        line = yaml.safe_dump(value, default_flow_style=True, width=10**6).split("\n")[0]
        found.append(without_secrets(f"{prefix}{'' if key in before else '+'}{key}={line}"))
    return found


def flat(block: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as pairs of a dotted name, such as ``optimizer.kind``, and a value."""
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value
