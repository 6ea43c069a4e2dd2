"""Many trials over several processes or machines: ``python -m src.sweep -S key=value,value …``

Dask hands the trials out; each is a ``dvc exp run --temp``, so that what comes of it is a DVC
experiment, and a run in MLflow. A trial whose worker dies is handed to another one, and trainings
go on from their checkpoints. A sweep that is run again does what is left of it.
"""

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import product

import psutil
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from rich.console import Console

from src.errors import PipelineError, run
from src.paths import main_checkout

TRIAL = "SWEEP_TRIAL"  # in the environment of a trial's processes: its name


def trials(changes: list[str]) -> dict[str, list[str]]:
    """The grid of some changes: for each trial its name and its changes.

    Args:
        changes: as ``dvc exp run -S`` takes them: ``key=value,value`` or ``key=range(1,4)``.

    Raises:
        PipelineError: one of them cannot be understood.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(changes)
    except OverrideParseException as error:
        reason = str(error).splitlines()[0]
        raise PipelineError(f"-S: {reason}; write -S key=value,value") from None
    axes = []
    for each in parsed:
        key = each.get_key_element()
        values = (
            each.sweep_string_iterator()
            if each.is_sweep_override()
            else [each.get_value_element_as_str()]
        )
        axes.append([f"{key}={value}" for value in values])
    grid = [list(each) for each in product(*axes)]
    return {
        f"sweep-{hashlib.sha256(' '.join(each).encode()).hexdigest()[:8]}": each for each in grid
    }


def run_trial(folder: str, name: str, changes: list[str], settings: dict[str, str]) -> str | None:
    """Run one trial, on a worker; the last line of what went wrong, if anything did."""
    for process in psutil.process_iter():  # of a worker that died
        try:
            if process.environ().get(TRIAL) == name:
                process.kill()
        except psutil.Error:
            continue
    command = ["dvc", "exp", "run", "--temp", "--name", name]
    for change in changes:
        command += ["-S", change]
    environment = os.environ | settings | {TRIAL: name}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip()[-2000:]


def done_before() -> set[str]:
    """The names of the experiments that this commit has."""
    listed = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True)
    return set(listed.stdout.split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m src.sweep")
    parser.add_argument("-S", dest="changes", action="append", required=True, metavar="KEY=VALUES")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, here")
    parser.add_argument("--scheduler", help="of workers elsewhere: tcp://host:8786")
    options = parser.parse_args()
    threads = max(1, (os.cpu_count() or 1) // options.workers)
    if not options.scheduler and not any("train.threads" in each for each in options.changes):
        options.changes.append(f"train.threads={threads}")  # so that trainings do not fight
    grid = trials(options.changes)
    console = Console(highlight=False, soft_wrap=True)
    before = done_before()
    left = {name: changes for name, changes in grid.items() if name not in before}
    console.print(f"{len(grid)} trials, {len(grid) - len(left)} of them done before")
    if left:  # once, not by each trial
        ready = subprocess.run(["dvc", "repro", "--quiet", "preprocess", "plan"])
        if ready.returncode != 0:
            raise PipelineError("the data could not be prepared; see above")
    failed = sweep(left, options.workers, options.scheduler, console) if left else []
    console.print("compare them: make experiments, or make ui")
    if failed:
        raise PipelineError(f"{len(failed)} of {len(left)} trials failed: {', '.join(failed)}")


def sweep(
    left: dict[str, list[str]], workers: int, scheduler: str | None, console: Console
) -> list[str]:
    """Run trials; the names of those that failed."""
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError:
        raise PipelineError(
            "a sweep needs Dask; run `pip install -r requirements-sweep.txt`"
        ) from None
    settings = {k: v for k, v in os.environ.items() if k.startswith("MLFLOW_")}
    folder, failed, started = str(main_checkout()), [], time.monotonic()
    with ExitStack() as stack:
        if not scheduler:
            local = LocalCluster(workers, threads_per_worker=1, dashboard_address=None)
            scheduler = stack.enter_context(local)
        client = stack.enter_context(Client(scheduler))
        futures = {
            client.submit(run_trial, folder, name, changes, settings, key=name): name
            for name, changes in left.items()
        }
        for count, future in enumerate(as_completed(futures), 1):
            name = futures[future]
            error = str(future.exception()) if future.status == "error" else future.result()
            told = f"{count} of {len(left)}: {name}, {shlex.join(left[name])}"
            console.print(f"{told}, {time.monotonic() - started:.0f} s")
            if error:
                failed.append(name)
                print(f"warning: {name} failed:\n{error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    run(main)
