"""The entries of the catalogue are complete, and the checksums are those of the files."""

import gzip
import re
from hashlib import sha256
from pathlib import Path
from typing import get_args

import pytest

from src.config import params
from src.ingest.catalog import CATALOGUE, NAMES

REAL = Path("../shared/datasets")


def test_each_entry_is_complete():
    assert {*CATALOGUE, "digits", "local"} == {*get_args(params.Dataset)}
    for dataset in CATALOGUE.values():
        assert len(set(dataset.checksums)) == len(NAMES)
        assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in dataset.checksums)
        assert dataset.mirrors and all(re.fullmatch("https?://.*/", url) for url in dataset.mirrors)
        assert len(set(dataset.class_names)) == 10


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_the_checksums_are_those_of_the_published_files(dataset):
    if not (REAL / dataset).is_dir():
        pytest.skip(f"{REAL / dataset} is missing")
    files = [gzip.decompress((REAL / dataset / f"{name}.gz").read_bytes()) for name in NAMES]
    assert CATALOGUE[dataset].checksums == tuple(sha256(file).hexdigest() for file in files)
