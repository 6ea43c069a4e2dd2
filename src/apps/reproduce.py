"""Run the pipeline for some recipes or families only: ``make repro MODEL=softmax``.

``dvc exp run -S model=…`` writes the selection to ``params.yaml``. Afterwards, this program writes
the former selection back, so that the next ``make repro`` trains what ``params.yaml`` selects.
"""

import argparse
import signal
import subprocess
import sys

from src.common.errors import run
from src.common.files import atomic_file
from src.common.messages import warn
from src.common.paths import PARAMS
from src.common.yaml_text import read_yaml
from src.config.params import load_params
from src.config.plan import select
from src.config.recipes import load_recipes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m src.apps.reproduce", description=__doc__)
    parser.add_argument("model", nargs="+", metavar="NAME", help="a recipe, a family, or all")
    names = " ".join(parser.parse_args().model).replace(",", " ").split()
    select(names, load_recipes())  # an error if a name selects no recipe
    load_params()
    before = PARAMS.read_text("utf-8")
    # Ctrl-C ends `dvc`, which ends its stages; this program restores the file.
    signal.signal(signal.SIGINT, lambda *_: None)
    selection = names[0] if len(names) == 1 else f"[{','.join(names)}]"
    command = ["dvc", "exp", "run", "-S", f"model={selection}"]
    try:
        status = subprocess.run(command).returncode
    finally:
        is_restored = _restore(before)
    if status:
        sys.exit(status)
    if is_restored:
        former = read_yaml(before)["model"]
        print(
            f"\nThese are the results of `model: {selection}`. params.yaml is unchanged: it has "
            f"`model: {former}`. `make repro` trains what is missing, and no recipe again.\n"
            "`git checkout . && dvc checkout` restores the results of the last commit."
        )


def _restore(before: str) -> bool:
    """Write ``params.yaml`` as it was, unless the user changed more than ``model`` meanwhile."""
    content, now = read_yaml(before), read_yaml(PARAMS.read_text("utf-8"))
    if now | {"model": content["model"]} != content:
        warn(f"{PARAMS} was edited during the run; it now has `model: {now['model']}`")
        return False
    with atomic_file(PARAMS) as partial:
        partial.write_text(before, "utf-8")
    return True


if __name__ == "__main__":
    run(main)
