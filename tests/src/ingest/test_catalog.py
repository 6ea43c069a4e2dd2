import gzip
import re
from hashlib import sha256
from pathlib import Path

import pytest

from src.ingest import catalog


def checksums(dataset):
    both = [each for known in dataset.files.values() for each in (known.gzip, known.content)]
    return [each for each in both if each]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_each_known_data_set_has_four_checksums_and_a_mirror(name):
    dataset = catalog.CATALOGUE[name]
    assert tuple(dataset.files) == catalog.NAMES
    assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in checksums(dataset))
    assert dataset.mirrors
    assert all(re.fullmatch(r"https?://.*/", url) for url in dataset.mirrors)


def test_no_two_files_share_a_checksum():
    known = [each for dataset in catalog.CATALOGUE.values() for each in checksums(dataset)]
    assert len(set(known)) == len(known)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_checksums_are_those_of_the_published_files(name):
    folder = Path("../shared/datasets", name)
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    for file, known in catalog.CATALOGUE[name].files.items():
        packed = (folder / f"{file}.gz").read_bytes()
        content = gzip.decompress(packed)
        assert known == catalog.Checksums(*(sha256(each).hexdigest() for each in (packed, content)))
