"""The exception for errors that the user can fix, and how a stage or a program reports it."""

import errno
import io
import os
import re
import sys
from collections.abc import Callable

from src.common.messages import clean

# What the user can fix, with the advice.
ACCESS = "free space or allow access"
IN_THE_WAY = "remove or rename what is in the way"
FIXABLE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS), ACCESS),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST), IN_THE_WAY),
}


class PipelineError(Exception):
    """An error that the user can fix. The message says what is wrong, where, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


def run(main: Callable[[], None], is_stage: bool = False) -> None:
    """Run the ``main`` of a stage or program; print errors that the user can fix, no traceback.

    They import large libraries in ``main``, so that Ctrl-C during an import prints no traceback. A
    stage fails if its dependencies change while it runs. Stages pass ``is_stage``.
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
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        then = f"; to continue, {again}" if is_stage else ""
        sys.exit(f"interrupted: no incomplete output was kept{then}")
    except OSError as error:
        if not (advice := FIXABLE.get(error.errno or 0)):
            raise
        where = f" ({error.filename})" if error.filename else ""
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
    stage = os.environ.get("DVC_STAGE")
    if not stage:  # started by hand, without DVC
        main()
        return
    from src.common.inputs import changed_inputs, read_state

    before = read_state(stage)
    main()
    if changed := changed_inputs(stage, before):
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise PipelineError(
            f"{changed[0]}{others} changed while the stage {stage} ran, so it is unknown which "
            "version its results come from, and DVC does not record them; run `dvc repro` again"
        )
