"""The library of this project."""

import sys
from importlib.util import find_spec

if not find_spec("tensorflow"):
    sys.exit(
        f"error: {sys.executable} lacks the packages of this project; activate the environment "
        "that `make` creates with `. .venv/bin/activate`, and repeat the command"
    )
