"""The exception for errors that the user can fix; how a stage or a program runs and reports it."""

import errno
import gc
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from src.common.messages import clean
from src.common.paths import PARAMS

FIXABLE = (  # by the user: disk, permissions, and a file where a folder should be
    *(errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
)
# As in .dvcignore: files of editors, incomplete ones, compiled ones.
IGNORED = re.compile(r"(^|/)\.|~$|\.pyc$")


class PipelineError(Exception):
    """An error that the user can fix. The message says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


def run(main: Callable[[], None], is_stage: bool = False) -> None:
    """Run the ``main`` of a stage or program; print errors that the user can fix, no traceback.

    Stages import large libraries in ``main``, so that Ctrl-C then prints no traceback. They pass
    ``is_stage``, and fail if their dependencies change while they run.
    """
    for stream in (sys.stdout, sys.stderr):  # no result may depend on the terminal's encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    again = "start the same command again"
    if is_stage:
        in_experiment = "DVC_EXP_NAME" in os.environ
        again = "repeat the same `dvc exp run`" if in_experiment else "run `dvc repro`"
    try:
        _run_stage(main) if is_stage else main()
        gc.freeze()  # otherwise Python looks for garbage at the end, which takes a second
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        then = f"; to continue, {again}" if is_stage else ""
        sys.exit(f"interrupted: no incomplete output was kept{then}")
    except OSError as error:
        if error.errno not in FIXABLE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        advice = "free space, allow access, or remove what is in the way"
        sys.exit(clean(f"error: {error.strerror}{where}; {advice}, then {again}"))
    except Exception as error:
        # By name, because TensorFlow is not imported here.
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        reason = re.sub(r"\{\{.*?\}\} ?| and type .*", "", str(error).partition("\n")[0])
        reason = reason[:200] or type(error).__name__
        advice = "decrease batch_size of the recipe or the size of the images"
        sys.exit(clean(f"error: the memory is full ({reason}); {advice}, then {again}"))


def _run_stage(main: Callable[[], None]) -> None:
    """Run a stage, and fail if what it depends on changes meanwhile.

    DVC records the dependencies of a stage after it has run (treeverse/dvc#11058). It would record
    the outputs as results of a state that they were not made from.
    """
    stage = os.environ.get("DVC_STAGE")
    paths = _dependencies(stage) if stage else []  # none: started by hand, without DVC
    before = _state(paths)
    main()
    after = _state(paths)
    if changed := sorted(name for name in before | after if before.get(name) != after.get(name)):
        raise PipelineError(
            f"{changed[0]} changed while the stage {stage} ran, so it is unknown which "
            "version its results come from, and DVC does not record them; run `dvc repro` again"
        )


def _dependencies(stage: str) -> list[Path]:
    """What ``dvc.yaml`` lists for a stage, such as ``train@cnn`` or ``../dvc.yaml:train@cnn``."""
    import yaml

    stages = yaml.load(Path("dvc.yaml").read_text("utf-8"), yaml.CSafeLoader)["stages"]
    name, _, key = stage.rpartition(":")[2].partition("@")
    listed = stages.get(name, {})  # a user can add stages in another file
    listed = listed.get("do", listed)
    paths = [Path(path.replace("${item}", key)) for path in listed.get("deps", [])]
    return [*paths, PARAMS] if "params" in listed else paths


def _state(paths: list[Path]) -> dict[str, tuple[int, int, int]]:
    """Time, size and inode of each file; if one differs, DVC hashes the file again."""
    files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    stats = {str(file): file.stat() for file in files if not IGNORED.search(str(file))}
    return {name: (found.st_mtime_ns, found.st_size, found.st_ino) for name, found in stats.items()}
