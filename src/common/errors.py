"""The one error that carries a message for the user, and how a stage ends with it."""

import errno
import sys
from collections.abc import Callable


class PipelineError(Exception):
    """A fault the user can act on: what is wrong, where, and what to do, in its text."""


def run(main: Callable[[], None]) -> None:
    """Run a stage's ``main``; a fault the user can act on ends it with a sentence, no traceback.

    Stages import in ``main`` what takes its time, so that Ctrl-C at that moment ends so too.
    """
    try:
        main()
    except PipelineError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing half-written was kept; `dvc repro` goes on from here")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        where = f" ({error.filename})" if error.filename else ""
        sys.exit(f"error: {error.strerror}{where}; make room or give access, then run `dvc repro`")
