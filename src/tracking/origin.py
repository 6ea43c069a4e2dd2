"""Where a result comes from: the commit, what was changed since, and the DVC experiment."""

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from src.common.paths import PARAMS

CODE = ("src", "stages", "dvc.yaml", "requirements.lock")  # what results depend on, in git


def origin() -> dict[str, Any]:
    """What is known of the origin; JSON.

    ``revision``: the commit, empty without git; ``changes``: of ``params.yaml`` since the commit,
    as ``-S`` of ``dvc exp run`` takes them; ``edited``: whether code was changed too;
    ``experiment`` and ``stage``: DVC's names for them, or none; ``user``.
    """
    revision = _git("rev-parse", "--verify", "HEAD").strip()
    user = ""
    with suppress(OSError, KeyError):  # no account name
        user = getpass.getuser()
    return {
        "revision": revision,
        "changes": _changes() if revision else [],
        "edited": bool(revision and _git("status", "--porcelain", "--", *CODE).strip()),
        "experiment": os.environ.get("DVC_EXP_NAME"),
        "baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
        "stage": os.environ.get("DVC_STAGE"),
        "user": user,
    }


def _changes() -> list[str]:
    try:
        old = yaml.safe_load(_git("show", f"HEAD:./{PARAMS}"))
        new = yaml.safe_load(PARAMS.read_text("utf-8"))
        before, after = dict(flat(old or {})), dict(flat(new))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    changed = {key: value for key, value in after.items() if before.get(key, KeyError) != value}
    gone = [f"~{key}" for key in before if key not in after]  # Hydra's way to take a key away
    return gone + [
        f"{key}={yaml.safe_dump(value, default_flow_style=True, width=10**6).split(chr(10))[0]}"
        for key, value in changed.items()
    ]


def flat(block: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as one writes them on a command line: ``optimizer.kind`` and its value."""
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def _git(*words: str) -> str:
    """What git says; nothing where it fails or is not there."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
