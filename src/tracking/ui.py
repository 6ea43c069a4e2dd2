"""Log what MLflow lacks, print the link to the runs, and start MLflow's UI: `make ui`."""

import argparse
import os
import signal
import subprocess
import sys
from contextlib import suppress

from src.common.errors import PipelineError, run
from src.common.machine import listen
from src.common.messages import clean, root_cause
from src.common.paths import PROCESSED
from src.data.splits import load_dataset_info
from src.tracking.store import DATABASES, artifacts, connect, experiment_id, store_uri
from src.tracking.sync import sync

HOST = "127.0.0.1"
# Charts next to the runs: MLflow's table shows no metrics, and an address cannot name columns.
VIEW = "?workflowType=machine_learning&compareRunsMode=CHART"
VIEW += "&orderByKey=metrics.%60val_accuracy%60&orderByAsc=false"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.tracking.ui", description=__doc__)
    parser.add_argument("--port", type=int, default=5000, help="default: 5000")
    port, uri = parser.parse_args().port, store_uri()
    is_database = uri.startswith(DATABASES)  # otherwise a server, which has its UI
    if is_database:
        listen(HOST, port, "make ui PORT=5001").close()
    sync()
    page = ""  # of all experiments, if there is no data
    try:
        client = connect(uri)
        if (PROCESSED / "training").exists():
            page = f"/{experiment_id(client, load_dataset_info(PROCESSED))}/runs{VIEW}"
    except Exception as error:  # MLflow and its stores raise many types
        raise PipelineError(f"MLflow at {uri} failed ({root_cause(error)})") from None
    address = f"http://{HOST}:{port}" if is_database else clean(uri.rstrip("/"))
    print(f"Runs, best first: {address}/#/experiments{page}", flush=True)
    if is_database:
        _serve(client.tracking_uri, port)


def _serve(store: str, port: int) -> None:
    """Run MLflow's server, which needs some seconds to start, until Ctrl-C."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    command += ["--backend-store-uri", store, "--artifacts-destination", artifacts()]
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    # In a process group of its own: MLflow would print a traceback after Ctrl-C.
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGHUP):  # the latter: the terminal was closed
        signal.signal(number, lambda *_: sys.exit())
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(server.wait())
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)


if __name__ == "__main__":
    run(main)
