"""Log what MLflow lacks, start its UI on localhost, and print the link to the runs: ``make ui``."""

import argparse
import socket
from contextlib import suppress
from typing import Any

import uvicorn

from src.common.errors import PipelineError, run
from src.common.listening import listen
from src.common.messages import clean
from src.common.paths import PROCESSED
from src.config.params import load_params
from src.data.splits import load_dataset_info
from src.tracking import mlflow_internals
from src.tracking.attempts import short_reason
from src.tracking.store import DATABASES, artifacts, connect, experiment_id, store_uri
from src.tracking.sync import send

HOST = "127.0.0.1"


class Server(uvicorn.Server):
    """A server that prints a line when it is ready."""

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer requests."""
        await super().startup(sockets)
        print(self._line, flush=True)


def present_dataset() -> dict[str, Any]:
    """The part of ``dataset.json`` that names the experiment: of the data here, or of the choice
    in ``params.yaml`` if there is no data yet.
    """
    with suppress(PipelineError):
        return load_dataset_info(PROCESSED)
    data = load_params().data
    name = data.name if data.dataset == "local" else data.dataset
    return {"name": name, "requested": name, "is_fallback": False}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.tracking.ui", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="default: 5000")
    port, uri = parser.parse_args().port, store_uri()
    if not uri.startswith(DATABASES):  # a server, which has its UI
        send()
        print(_link(uri.rstrip("/"), _experiment(uri)))
        return
    with listen(HOST, port, "make ui PORT=5001") as listener, suppress(KeyboardInterrupt):
        send()
        link = _link(f"http://{HOST}:{port}", _experiment(uri))
        app = mlflow_internals.ui_app(connect(uri).tracking_uri, artifacts())
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        Server(config, link).run(sockets=[listener])


def _experiment(uri: str) -> str:
    try:
        return experiment_id(connect(uri), present_dataset())
    except PipelineError:
        raise
    except Exception as error:
        raise PipelineError(f"MLflow at {uri} failed ({short_reason(error)})") from None


def _link(address: str, experiment: str) -> str:
    return f"Runs, best first: {clean(address)}/#{mlflow_internals.runs_page(experiment)}"


if __name__ == "__main__":
    run(main)
