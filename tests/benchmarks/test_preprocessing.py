import pytest

from benchmarks.preprocessing import MINIMAL, OURS, run_program
from src.common.files import write_json
from src.ingest.catalog import DIGITS
from src.pictures.conversion import DRAWINGS


@pytest.mark.parametrize("program", [OURS, MINIMAL])
def test_both_programs_read_the_raw_files(program, arrays, write_set, tmp_path):
    raw = tmp_path / "raw"
    write_set(raw, arrays(train=5010))
    source = {"name": "x", "requested": "x", "is_fallback": False, "is_published": True}
    source |= {"class_names": DIGITS, "conversion": DRAWINGS}
    write_json(raw / "dataset.json", source)
    run_program(program, raw)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match=r"not an IDX file|buffer size must be a multiple"):
        run_program(program, raw)
