import pytest
from src.ingest.properties import known_properties

from benchmarks.preprocessing import MINIMAL, OURS, run_program
from src.common.files import write_json


@pytest.mark.parametrize("program", [OURS, MINIMAL])
def test_both_programs_read_the_raw_files(program, arrays, write_set, tmp_path):
    raw = tmp_path / "raw"
    files = write_set(raw, arrays(train=5010))
    source = {"name": "x", "requested": "x", "is_fallback": False, "files": files}
    source["is_published"] = True
    source |= known_properties("digits")
    write_json(raw / "dataset.json", source)
    run_program(program, raw)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match=r"not an IDX file|buffer size must be a multiple"):
        run_program(program, raw)
