import pandas as pd

from src.evaluation.tables import write_csv


def test_a_table_is_written_without_its_index_and_with_6_digits(tmp_path):
    write_csv(tmp_path / "folder/a.csv", pd.DataFrame({"x": [1, 2], "y": [0.12345678, 2.0]}))
    assert (tmp_path / "folder/a.csv").read_text() == "x,y\n1,0.123457\n2,2\n"
