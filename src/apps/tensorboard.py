"""Start TensorBoard on this machine; its first page shows accuracy and loss by epoch.

TensorBoard does not load TensorFlow here: it starts earlier, and prints no messages about GPUs.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, suppress
from threading import Event
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from src.common.errors import PipelineError, run
from src.common.paths import LOGS

PINNED = [{"plugin": "scalars", "tag": tag} for tag in ("epoch_accuracy", "epoch_loss")]
FIRST_PAGE = f"/?{urlencode({'pinnedCards': json.dumps(PINNED), 'smoothing': 0})}#timeseries"
Application = Callable[[dict[str, Any], Callable], Iterable[bytes]]  # of WSGI


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.tensorboard", description=__doc__)
    parser.add_argument("--port", type=int, default=6006, help="default: 6006")
    address = start(parser.parse_args().port)
    print(f"Accuracy and loss by epoch at {address} (Ctrl-C stops it)", flush=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def start(port: int) -> str:
    """Start the server in a thread, and return its address.

    Raises:
        PipelineError: the port cannot be used.
    """
    name = "tensorboard.compat.notf"
    sys.modules[name] = ModuleType(name)  # if it exists, TensorBoard does not use TensorFlow
    from tensorboard import default, program

    def server(app: Application, flags: Any) -> Any:
        return program.WerkzeugServer(_with_first_page(app), flags)

    board = program.TensorBoard(default.get_plugins(), server_class=server)
    board.configure(logdir=str(LOGS), host="127.0.0.1", port=port)
    try:
        with redirect_stderr(io.StringIO()):  # notes about TensorBoard's own development
            return board.launch()
    except (program.TensorBoardServerException, OverflowError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise PipelineError(f"{reason}; try another port: make tensorboard PORT=6007") from None


def _with_first_page(app: Application) -> Application:
    """Redirect a browser that names no page; TensorBoard would show histograms first."""

    def respond(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/" and not environ["QUERY_STRING"]:
            start_response("302 Found", [("Location", FIRST_PAGE)])
            return []
        return app(environ, start_response)

    return respond


if __name__ == "__main__":
    run(main)
