"""Run many trials in parallel: ``python -m src.apps.sweep -S key=value,value …``

Dask distributes the trials over the processes of this machine, or over several machines. A trial
runs ``dvc exp run --temp``; its result is a DVC experiment and a run in MLflow. If a worker dies,
another worker repeats its trial, and the training resumes from its checkpoint. If you run the same
sweep again, it runs only the trials that are not done.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
from filelock import FileLock, Timeout
from rich.console import Console

from src.apps.trials import check_modules, combinations, data_version, edits, files_to_copy, named
from src.common.errors import PipelineError, run
from src.common.paths import main_checkout

if TYPE_CHECKING:
    from distributed import Client

LOCK = ".dvc/tmp/sweep.lock"
MAX_WORKERS = 1000  # processes on this machine; Dask starts all of them at once
TRIAL = "SWEEP_TRIAL"  # environment variable that identifies the processes of a trial


def run_trial(folder: str, name: str, options: list[str], settings: dict[str, str]) -> str | None:
    """Run one trial on a worker; return None, or the end of its output if it failed.

    ``options`` are those of ``dvc exp run``.
    """
    trial = f"{folder} {name}"
    for process in psutil.process_iter():  # a worker that died may have left some
        try:
            if process.environ().get(TRIAL) == trial:
                process.kill()
        except psutil.Error:
            continue
    # Otherwise DVC waits 3 s for the lock, which another trial holds longer on a slow machine.
    command = ["dvc", "--wait-for-lock", "exp", "run", "--temp", "--name", name, *options]
    environment = os.environ | settings | {TRIAL: trial}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip()[-2000:]


def done_before() -> set[str]:
    """The names of the DVC experiments of this commit."""
    listed = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True)
    return set(listed.stdout.split())


def _processes(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= MAX_WORKERS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_WORKERS}")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m src.apps.sweep")
    parser.add_argument("-S", dest="changes", action="append", required=True, metavar="KEY=VALUES")
    cores = os.cpu_count() or 1
    parser.add_argument("--workers", type=_processes, default=cores, help="number of processes")
    address = "use the workers of this Dask scheduler: tcp://host:8786"
    parser.add_argument("--scheduler", help=address)
    options = parser.parse_args()
    grid, added = combinations(options.changes), []
    if not options.scheduler and not any("train.threads" in each for each in options.changes):
        threads = max(1, cores // options.workers)  # so that the trials do not compete for cores
        added = [f"train.threads={threads}"]
    console = Console(highlight=False, markup=False, soft_wrap=True)
    try:
        with (
            FileLock(main_checkout() / LOCK, timeout=0),
            _client(options.workers, options.scheduler) as client,
        ):
            check_modules()
            left = _missing(grid, console)
            failed = sweep({name: [*left[name], *added] for name in left}, client, console)
    except Timeout:
        message = "another sweep is running in this checkout; wait until it ends"
        raise PipelineError(message) from None
    console.print("to compare the trials, run `make experiments` or `make ui`")
    if failed:
        raise PipelineError(f"{len(failed)} of {len(left)} trials failed: {', '.join(failed)}")


def _missing(grid: list[list[str]], console: Console) -> dict[str, list[str]]:
    """Prepare the data once for all trials; return the name and changes of those not done yet."""
    ready = subprocess.run(["dvc", "repro", "--quiet", "preprocess", "plan"])
    if ready.returncode != 0:
        raise PipelineError("`dvc repro preprocess plan` failed; see its message above")
    before, all_trials = done_before(), named(grid, edits(), data_version())
    left = {name: each for name, each in all_trials.items() if name not in before}
    console.print(f"{len(grid)} trials, {len(grid) - len(left)} of them already done")
    return left


def sweep(left: dict[str, list[str]], client: "Client", console: Console) -> list[str]:
    """Run trials; return the names of the failed ones."""
    from distributed import as_completed

    settings = {k: v for k, v in os.environ.items() if k.startswith("MLFLOW_")}
    folder, failed, started = str(main_checkout()), [], time.monotonic()
    futures = {}
    for name, changes in left.items():
        options = files_to_copy() + [word for each in changes for word in ("-S", each)]
        futures[client.submit(run_trial, folder, name, options, settings, key=name)] = name
    for count, future in enumerate(as_completed(futures), 1):
        name = futures[future]
        if future.status == "cancelled":
            message = "lost connection to the Dask scheduler; run the sweep again to continue"
            raise PipelineError(message)
        error = str(future.exception()) if future.status == "error" else future.result()
        trial = f"{count} of {len(left)}: {name}, {shlex.join(left[name])}"
        console.print(f"{trial}, {time.monotonic() - started:.0f} s")
        if error:
            failed.append(name)
            print(f"warning: {name} failed:\n{error}", file=sys.stderr)
    return failed


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator["Client"]:
    """A Dask client with this number of local workers, or of an existing scheduler.

    Dask runs what it is sent. On this machine, only processes with a new certificate, which is in
    the memory of this process and its workers, can connect.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
        from distributed.comm import get_address_host_port
        from distributed.security import Security

        certificate = None if scheduler else Security.temporary()
    except ImportError:
        message = "a sweep needs Dask; run `pip install -r requirements-sweep.txt`"
        raise PipelineError(message) from None
    if not scheduler:
        no_pages: dict[str, list[str]] = {
            f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")
        }
        with (
            dask.config.set(no_pages),
            LocalCluster(
                workers, threads_per_worker=1, dashboard_address=None, security=certificate
            ) as local,
            Client(local) as client,
        ):
            yield client
        return
    try:
        get_address_host_port(scheduler, strict=True)
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler at {scheduler} ({error}); start one with `dask scheduler`"
        ) from None
    with client:
        yield client


if __name__ == "__main__":
    run(main)
