"""Run many trials in parallel: `python examples/sweep.py -S key=value,value …`

A trial runs `dvc exp run --temp`; its result is a DVC experiment. With `--scheduler`, Dask
distributes the trials over several machines; if a worker dies, another one repeats its trial. If
you run the same sweep again, it runs only the trials that are not done.

To use it in another DVC project, copy this file and change the constants. It needs DVC, and Dask
(the package `distributed`) for several machines.
"""

import argparse
import hashlib
import json
import logging
import os
import shlex
import subprocess
import sys
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

try:
    import psutil
    import yaml
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import get_hydra_sweeps
    from hydra.errors import HydraException
except ImportError as error:
    sys.exit(f"error: {sys.executable} lacks {error.name}; activate the environment of the project")

PREPARE = ("preprocess", "plan")  # stages that are the same for all trials; they run once, first
DATA = ("download", "preprocess")  # stages whose record in dvc.lock says what data the trials use
# An edit of any other file that git tracks makes new trials: these are results.
RESULTS = (":!dvc.lock", ":!metrics")
UNTRACKED = Path("data/incoming")  # each trial gets a copy of this folder, which git ignores
THREADS = "train.threads"  # parameter: how many threads a trial uses; "" if there is none
VARIABLES = "MLFLOW_"  # variables that begin so are passed to the workers on other machines
TRIAL = "SWEEP_TRIAL"  # environment variable that identifies the processes of a trial


def combinations(changes: list[str]) -> list[list[str]]:
    """The changes of each trial: all combinations of the values.

    They have the syntax of ``dvc exp run -S``: ``key=value,value`` or ``key=range(1,4)``, after the
    name of another file than ``params.yaml`` and a colon. Others end the program.
    """
    try:
        sweeps = get_hydra_sweeps(to_path_overrides(changes))
    except (HydraException, InvalidArgumentError) as error:
        reason = str(error).splitlines()[0]
        sys.exit(f"error: -S: {reason}; write -S key=value,value")
    return [
        [f"{path}:{change}" for path, changes in sweep.items() for change in changes]
        for sweep in sweeps
    ]


def missing_trials(grid: list[list[str]]) -> dict[str, list[str]]:
    """Prepare the data once for all trials; return the name and changes of those not done yet.

    The name depends on the changes, and on what changes the results of all trials: edited files
    since the commit, and the data. The record of the stages in ``dvc.lock`` also has the files in
    ``data/incoming``, which a trial can select.
    """
    if subprocess.run(["dvc", "repro", "--quiet", *PREPARE]).returncode:
        sys.exit(f"error: `dvc repro {' '.join(PREPARE)}` failed; see its message above")
    stages = yaml.safe_load(Path("dvc.lock").read_text("utf-8"))["stages"]
    diff = ["git", "diff", "--no-ext-diff", "HEAD", "--", ".", *RESULTS]
    edits = subprocess.run(diff, capture_output=True).stdout.decode(errors="replace")
    others = [edits, *(stages[name] for name in DATA)]
    listed = subprocess.run(["dvc", "exp", "list", "--name-only"], capture_output=True, text=True)
    trials = {f"sweep-{digest([changes, *others])}": changes for changes in grid}
    left = {name: trials[name] for name in trials if name not in listed.stdout.split()}
    print(f"{len(grid)} trials, {len(grid) - len(left)} of them already done", flush=True)
    return left


def digest(content: list) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


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
    output = (done.stdout + done.stderr).strip()[-2000:]
    return (output or f"exit status {done.returncode}") if done.returncode else ""


def run_trials(left: dict[str, list[str]], pool: Executor) -> list[str]:
    """Run trials; return the names of the failed ones."""
    settings = {k: v for k, v in os.environ.items() if k.startswith(VARIABLES)}
    folder, failed = str(Path(os.environ.get("DVC_ROOT", ".")).resolve()), []
    # Git ignores these files. Without them, DVC would find no difference between two versions of
    # them, and would restore the images of an earlier trial from its cache.
    files = [path for path in sorted(UNTRACKED.glob("*")) if path.exists()]
    copied = [word for path in files for word in ("--copy-paths", str(path))]
    futures = {}
    for name, changes in left.items():
        options = copied + [word for change in changes for word in ("-S", change)]
        futures[pool.submit(run_trial, folder, name, options, settings)] = name
    try:
        for count, future in enumerate(as_completed(futures), 1):
            name = futures[future]
            if future.cancelled():
                sys.exit("error: lost connection to the Dask scheduler; run the sweep again")
            print(f"{count} of {len(left)} done: {name}, {shlex.join(left[name])}", flush=True)
            if error := future.exception() or future.result():
                failed.append(name)
                print(f"warning: {name} failed:\n{error}", file=sys.stderr)
    finally:  # Dask's pool has no option to do this
        for future in futures:
            future.cancel()
    return failed


def workers_of(scheduler: str) -> Executor:
    """The workers of a Dask scheduler; the program ends if it does not answer."""
    try:
        from distributed import Client

        return Client(scheduler).get_executor()
    except ImportError:
        sys.exit("error: several machines need Dask; run `pip install distributed`")
    except (OSError, ValueError) as error:
        advice = "start one with `dask scheduler`"
        sys.exit(f"error: no Dask scheduler at {scheduler} ({error}); {advice}")


def at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-S", dest="changes", action="append", required=True, metavar="KEY=VALUES")
    cores = os.cpu_count() or 1
    workers = "trials at the same time"
    parser.add_argument("--workers", type=at_least_one, default=cores, help=workers)
    scheduler = "use the workers of this Dask scheduler: tcp://host:8786"
    parser.add_argument("--scheduler", help=scheduler)
    options = parser.parse_args()
    grid = combinations(options.changes)
    if options.scheduler:
        pool: Executor = workers_of(options.scheduler)
    else:
        # Threads are enough on this machine: each trial is a process of its own.
        pool = ThreadPoolExecutor(options.workers)
        if not any(THREADS in change for change in options.changes):
            threads = max(1, cores // options.workers)  # the trials should not compete for cores
            grid = [[*changes, f"{THREADS}={threads}"] for changes in grid]
    with pool:
        left = missing_trials(grid)
        failed = run_trials(left, pool)
    print("to compare the trials, run `dvc exp show --only-changed`")
    if failed:
        sys.exit(f"error: {len(failed)} of {len(left)} trials failed: {', '.join(failed)}")


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a value may have characters that a terminal lacks
    logging.disable()  # Dask would print tracebacks about a lost connection
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command runs the trials that are not done")
    except OSError as error:
        sys.exit(f"error: {error}")
