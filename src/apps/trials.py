"""The trials of a sweep: their changes, and names that depend on all that changes their results."""

import os
import re
import shlex
from itertools import product

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from src.common.errors import PipelineError
from src.common.files import json_sha256
from src.common.git import git
from src.common.paths import INCOMING, LOCK, PARAMS, PROCESSED, RECIPES
from src.data.splits import load_dataset_info
from src.tracking.notes import CODE

FILE = re.compile(r"[^=:]+\.ya?ml:")  # in front of a key of another file than params.yaml


def combinations(changes: list[str]) -> list[list[str]]:
    """The changes of each trial: all combinations of the values.

    Args:
        changes: in the syntax of ``dvc exp run -S``: ``key=value,value`` or ``key=range(1,4)``,
            after the name of another file than ``params.yaml`` and a colon.

    Raises:
        PipelineError: the syntax of a change is invalid.
    """
    axes = []
    try:
        for change in changes:
            file = FILE.match(change)
            prefix = file[0] if file else ""
            each = OverridesParser.create().parse_override(change.removeprefix(prefix))
            if each.is_sweep_override():
                values = list(each.sweep_string_iterator())
            else:
                values = [each.get_value_element_as_str()]
            axes.append([f"{prefix}{each.get_key_element()}={value}" for value in values])
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise PipelineError(f"-S: {reason}; write -S key=value,value") from None
    return [list(each) for each in product(*axes)]


def named(grid: list[list[str]], *circumstances: str) -> dict[str, list[str]]:
    """The name and the changes of each trial; other circumstances give other names."""
    return {f"sweep-{json_sha256([each, *circumstances])[:8]}": each for each in grid}


def edits() -> str:
    """The uncommitted changes of the parameters and the code, which change the results."""
    return git("diff", "HEAD", "--", str(PARAMS), str(RECIPES), *CODE)


def check_modules() -> None:
    """Check that git knows all modules, because DVC does not copy others for a trial.

    Raises:
        PipelineError: it does not know one, and the trials would run without it.
    """
    if unknown := [path for path in _new_files(*CODE) if path.endswith(".py")]:
        raise PipelineError(
            f"the trials would run without {', '.join(unknown)}, because git does not know it; run "
            f"`git add {shlex.join(unknown)}`, or remove it from the code"
        )


def _new_files(*places: str) -> list[str]:
    """The files in these places that git neither knows nor ignores."""
    listed = git("ls-files", "--others", "--exclude-standard", "-z", "--", *places)
    return listed.split("\0")[:-1]


def data_version() -> str:
    """A text that changes with the dataset and with the user's files in ``data/incoming``.

    A trial can change ``data.dataset`` so that it reads these files, which the present dataset may
    not come from. ``dvc repro preprocess plan`` must have run.
    """
    lock = yaml.safe_load(LOCK.read_text("utf-8"))
    inputs = {each["path"]: each["md5"] for each in lock["stages"]["download"]["deps"]}
    return f"{load_dataset_info(PROCESSED)['digest']} {inputs[str(INCOMING)]}"


def files_to_copy() -> list[str]:
    """The arguments for DVC to copy ``data/incoming``, which git ignores, for a trial.

    Without them, DVC would find no difference between two versions of the user's files in the
    copies of the checkout, and would restore the images of an earlier trial from its cache.
    """
    paths = [INCOMING / name for name in sorted(os.listdir(INCOMING))]
    return [word for path in paths if path.exists() for word in ("--copy-paths", str(path))]
