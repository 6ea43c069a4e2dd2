"""Run many trials in parallel: ``python -m src.apps.sweep -S key=value,value …``

A trial runs ``dvc exp run --temp``; its result is a DVC experiment and a run in MLflow. With
``--scheduler``, Dask distributes the trials over several machines; if a worker dies, another one
repeats its trial, and the training resumes from its checkpoint. If you run the same sweep again, it
runs only the trials that are not done.
"""

import argparse
import os
import shlex
import subprocess
import sys
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import suppress

import psutil
import yaml
from dvc.exceptions import InvalidArgumentError
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import get_hydra_sweeps
from hydra.errors import HydraException

from src.apps.shared import integer
from src.common.errors import PipelineError, run
from src.common.files import json_sha256
from src.common.git import git
from src.common.paths import INCOMING, LOCK, PARAMS, RECIPES, main_checkout
from src.tracking.notes import CODE_PATHS

TRIAL = "SWEEP_TRIAL"  # environment variable that identifies the processes of a trial


def combinations(changes: list[str]) -> list[list[str]]:
    """The changes of each trial: all combinations of the values.

    They have the syntax of ``dvc exp run -S``: ``key=value,value`` or ``key=range(1,4)``, after the
    name of another file than ``params.yaml`` and a colon. Others raise a PipelineError.
    """
    try:
        sweeps = get_hydra_sweeps(to_path_overrides(changes))
    except (HydraException, InvalidArgumentError) as error:
        reason = str(error).splitlines()[0]
        raise PipelineError(f"-S: {reason}; write -S key=value,value") from None
    return [
        [f"{path}:{change}" for path, changes in sweep.items() for change in changes]
        for sweep in sweeps
    ]


def missing_trials(grid: list[list[str]]) -> dict[str, list[str]]:
    """Prepare the data once for all trials; return the name and changes of those not done yet.

    The name depends on the changes, and on what changes the results of all trials: edited files
    since the commit, and the data. The record of the stages ``download`` and ``preprocess`` in
    ``dvc.lock`` also has the files in ``data/incoming``, which a trial can select.
    """
    if subprocess.run(["dvc", "repro", "--quiet", "preprocess", "plan"]).returncode:
        raise PipelineError("`dvc repro preprocess plan` failed; see its message above")
    stages = yaml.safe_load(LOCK.read_text("utf-8"))["stages"]
    edits = git("diff", "--no-ext-diff", "HEAD", "--", str(PARAMS), str(RECIPES), *CODE_PATHS)
    others = [edits, stages["download"], stages["preprocess"]]
    listed = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True)
    trials = {f"sweep-{json_sha256([changes, *others])[:8]}": changes for changes in grid}
    left = {name: trials[name] for name in trials if name not in listed.stdout.split()}
    print(f"{len(grid)} trials, {len(grid) - len(left)} of them already done", flush=True)
    return left


def run_trial(folder: str, name: str, options: list[str], settings: dict[str, str]) -> str:
    """Run ``dvc exp run`` with options on a worker; return the end of its output if it failed."""
    trial = f"{folder} {name}"
    for process in psutil.process_iter():  # a worker that died may have left some
        with suppress(psutil.Error):
            if process.environ().get(TRIAL) == trial:
                process.kill()
    # Otherwise DVC waits 3 s for the lock, which another trial holds longer on a slow machine.
    command = ["dvc", "--wait-for-lock", "exp", "run", "--temp", "--name", name, *options]
    environment = os.environ | settings | {TRIAL: trial}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()[-2000:] if done.returncode else ""


def run_trials(left: dict[str, list[str]], pool: Executor) -> list[str]:
    """Run trials; return the names of the failed ones."""
    settings = {k: v for k, v in os.environ.items() if k.startswith("MLFLOW_")}
    folder, failed = str(main_checkout()), []
    # Git ignores these files. Without them, DVC would find no difference between two versions of
    # them, and would restore the images of an earlier trial from its cache.
    files = [path for path in sorted(INCOMING.iterdir()) if path.exists()]
    copied = [word for path in files for word in ("--copy-paths", str(path))]
    futures = {}
    for name, changes in left.items():
        options = copied + [word for change in changes for word in ("-S", change)]
        futures[pool.submit(run_trial, folder, name, options, settings)] = name
    for count, future in enumerate(as_completed(futures), 1):
        name = futures[future]
        if future.cancelled():
            raise PipelineError("lost connection to the Dask scheduler; run the sweep again")
        print(f"{count} of {len(left)}: {name}, {shlex.join(left[name])}", flush=True)
        if error := future.exception() or future.result():
            failed.append(name)
            print(f"warning: {name} failed:\n{error}", file=sys.stderr)
    return failed


def workers_of(scheduler: str) -> Executor:
    """The workers of a Dask scheduler; a PipelineError if it does not answer."""
    try:
        from distributed import Client

        return Client(scheduler).get_executor()
    except ImportError:
        message = "several machines need Dask; run `pip install -r requirements-sweep.txt`"
        raise PipelineError(message) from None
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler at {scheduler} ({error}); start one with `dask scheduler`"
        ) from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m src.apps.sweep")
    parser.add_argument("-S", dest="changes", action="append", required=True, metavar="KEY=VALUES")
    cores = os.cpu_count() or 1
    workers = "trials at the same time"
    parser.add_argument("--workers", type=integer(1), default=cores, help=workers)
    scheduler = "use the workers of this Dask scheduler: tcp://host:8786"
    parser.add_argument("--scheduler", help=scheduler)
    options = parser.parse_args()
    grid = combinations(options.changes)
    if options.scheduler:
        pool: Executor = workers_of(options.scheduler)
    else:
        # Threads are enough on this machine: each trial is a process of its own.
        pool = ThreadPoolExecutor(options.workers)
        if not any("train.threads" in change for change in options.changes):
            threads = max(1, cores // options.workers)  # the trials should not compete for cores
            grid = [[*changes, f"train.threads={threads}"] for changes in grid]
    try:
        left = missing_trials(grid)
        failed = run_trials(left, pool)
    finally:
        pool.shutdown(cancel_futures=True)
    print("to compare the trials, run `make experiments` or `make ui`")
    if failed:
        raise PipelineError(f"{len(failed)} of {len(left)} trials failed: {', '.join(failed)}")


if __name__ == "__main__":
    run(main)
