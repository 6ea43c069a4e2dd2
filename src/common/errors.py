"""The exception for errors that the user can fix, and how a stage reports it."""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from src.common.messages import clean

# What the user can fix: no space or no access, or a file and a folder in place of one another.
FIXABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
MISPLACED = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


class PipelineError(Exception):
    """An error that the user can fix. The message says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


def run(main: Callable[[], None], is_stage: bool = False) -> None:
    """Run the ``main`` of a stage or program; print errors that the user can fix, no traceback.

    They import large libraries in ``main``, so that Ctrl-C during an import prints no traceback. A
    stage that DVC runs fails if its dependencies change meanwhile. A stage passes ``is_stage``; the
    programs that a user or a stage starts do not.
    """
    again = "start the same command again"
    if is_stage:
        in_experiment = "DVC_EXP_NAME" in os.environ
        again = "repeat the same `dvc exp run`" if in_experiment else "run `dvc repro`"
    try:
        with _unchanged_inputs() if is_stage else nullcontext():
            main()
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        then = f"; to continue, {again}" if is_stage else ""
        sys.exit(f"interrupted: no incomplete output was kept{then}")
    except OSError as error:
        if error.errno not in FIXABLE | MISPLACED:
            raise
        where = f" ({error.filename})" if error.filename else ""
        advice = "free space or allow access"
        if error.errno in MISPLACED:
            advice = "remove or rename what is in the way"
        sys.exit(clean(f"error: {error.strerror}{where}; {advice}, then {again}"))
    except Exception as error:
        # By name, because TensorFlow is not imported here.
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        reason = re.sub(r"\{\{.*?\}\} ?| and type .*", "", next(iter(str(error).splitlines()), ""))
        smaller = (
            "decrease batch_size, filters or hidden units of the recipe or the size of the images"
        )
        advice = f"close other programs, or {smaller}" if is_stage else "close other programs"
        reason = reason[:200] or type(error).__name__
        sys.exit(clean(f"error: the memory is full ({reason}); {advice}, then {again}"))


@contextmanager
def _unchanged_inputs() -> Iterator[None]:
    if not (stage := os.environ.get("DVC_STAGE")):
        yield
        return
    from src.common import inputs  # it imports this module

    before = inputs.read_state(stage)
    yield
    inputs.check_unchanged(stage, before)
