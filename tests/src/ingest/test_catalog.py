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


def test_params_can_name_each_dataset():
    assert {*CATALOGUE, "digits", "local"} == {*get_args(params.Dataset)}


@pytest.mark.parametrize("dataset", CATALOGUE.values(), ids=CATALOGUE)
def test_each_entry_is_complete(dataset):
    for checksums in (dataset.packed, dataset.content or dataset.packed):
        assert len(set(checksums)) == len(NAMES)
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in checksums)
    assert all(re.fullmatch(r"https?://.*/", url) for url in dataset.mirrors) and dataset.mirrors
    assert len(set(dataset.class_names)) == 10


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_the_checksums_are_those_of_the_published_files(dataset):
    if not (REAL / dataset).is_dir():
        pytest.skip(f"{REAL / dataset} is missing")
    files = [(REAL / dataset / f"{name}.gz").read_bytes() for name in NAMES]
    known = CATALOGUE[dataset]
    assert known.packed == tuple(sha256(file).hexdigest() for file in files)
    assert known.content == tuple(sha256(gzip.decompress(file)).hexdigest() for file in files)
