"""The durations of the trainings in ``models/``: ``metrics/timing.csv``.

This file is not an output of DVC, because it is different in each run. It is written from the notes
of the trainings in ``logs/``, so a model that was trained elsewhere is not in it.
"""

from contextlib import suppress
from pathlib import Path

import pandas as pd

from src.common.errors import PipelineError
from src.common.paths import TIMING
from src.evaluation.tables import write_csv
from src.models.artifacts import load_history, load_record, trained_folders
from src.tracking.origin import load_provenances

COLUMNS = ("recipe", "epoch", "seconds", "val_accuracy", "device", "processor", "weights_sha256")


def write_timing() -> None:
    """Write one row per recipe and validation; ``seconds`` are those since the start.

    No result depends on the file: a model that cannot be read is left out, and a failure to write
    is ignored.
    """
    tables = [pd.DataFrame(columns=COLUMNS)]
    for folder in trained_folders():
        with suppress(PipelineError):
            tables += _durations(folder)
    with suppress(OSError):
        write_csv(TIMING, pd.concat(tables[1:] or tables))


def _durations(folder: Path) -> list[pd.DataFrame]:
    """The table of the newest training to these weights, if it ran here."""
    record, history = load_record(folder), load_history(folder)
    return [
        pd.DataFrame(history).assign(
            recipe=record["name"],
            seconds=pd.Series(note["seconds"]).cumsum(),
            weights_sha256=record["weights_sha256"],
            **{key: note["environment"][key] for key in ("device", "processor")},
        )[list(COLUMNS)]
        for note in load_provenances(record)[-1:]
    ]
