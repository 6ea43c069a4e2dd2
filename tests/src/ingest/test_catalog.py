import re

import pytest

from src.ingest import catalog


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_each_known_data_set_has_four_checksums_and_a_mirror(name):
    dataset = catalog.CATALOGUE[name]
    assert tuple(dataset.sha256) == catalog.GZIP_NAMES
    assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in dataset.sha256.values())
    assert dataset.mirrors
    assert all(re.fullmatch(r"https?://.*/", url) for url in dataset.mirrors)


def test_no_two_files_share_a_checksum():
    checksums = [c for dataset in catalog.CATALOGUE.values() for c in dataset.sha256.values()]
    assert len(set(checksums)) == len(checksums)
