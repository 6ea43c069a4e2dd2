"""Tables of results as CSV files."""

from pathlib import Path

import pandas as pd

from src.common.files import atomic_file


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index, with 6 significant digits, completely or not at all."""
    with atomic_file(path) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")
