"""Figures. They do not depend on the user's configuration of Matplotlib."""

import os

if not os.environ.get("MPLBACKEND", "").startswith("module://"):  # that of a notebook
    os.environ["MPLBACKEND"] = "agg"

import matplotlib

matplotlib.rcdefaults()
