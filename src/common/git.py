"""Asks git about this checkout."""

import subprocess


def git(*words: str) -> str:
    """The output of git; empty if it fails or is not installed."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode(errors="replace")


def committed(path: object, revision: str = "HEAD") -> str:
    """The content of a file in a commit, by default the last one; empty if it has none."""
    return git("show", f"{revision}:./{path}")
