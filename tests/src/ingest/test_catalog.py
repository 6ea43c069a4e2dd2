"""The entries of the catalogue are consistent, and verified checksums are those of the files."""

import gzip
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import get_args

import pytest

from src.config import params
from src.ingest import catalog
from src.ingest.catalog import CATALOGUE

SHA256 = "[0-9a-f]{64}"
REAL = Path("../shared/datasets")
VERIFIED = [name for name, dataset in CATALOGUE.items() if dataset.verified]


def test_params_can_name_each_dataset():
    assert {*CATALOGUE, "digits", "local"} == {*get_args(params.Dataset)}


@pytest.mark.parametrize("dataset", CATALOGUE.values(), ids=CATALOGUE)
def test_each_entry_is_consistent(dataset):
    assert tuple(dataset.files) == catalog.NAMES
    for file in dataset.files.values():
        assert re.fullmatch(f"{SHA256}|md5:[0-9a-f]{{32}}", file.gzip)
        assert file.content is None or re.fullmatch(SHA256, file.content)
        assert not file.name.endswith(".gz")
    assert dataset.mirrors or dataset.archive
    assert all(re.fullmatch(r"https?://.*/", url) for url in dataset.mirrors)
    assert dataset.page.startswith("http")
    assert re.fullmatch(r"([a-z]+\.zip/[a-z]+)?", dataset.archive)
    assert 2 <= len(dataset.class_names) <= min(dataset.counts)


def test_the_sizes_are_those_that_the_authors_state():
    assert {name: (*each.counts, len(each.class_names)) for name, each in CATALOGUE.items()} == {
        "mnist": (60_000, 10_000, 10),
        "fashion-mnist": (60_000, 10_000, 10),
        "kmnist": (60_000, 10_000, 10),
        "emnist-balanced": (112_800, 18_800, 47),
        "emnist-letters": (124_800, 20_800, 26),
        "kannada-mnist": (60_000, 10_000, 10),
        "qmnist": (60_000, 60_000, 10),
    }


@pytest.mark.parametrize("name", VERIFIED)
def test_all_checksums_of_a_verified_dataset_are_known(name):
    files = CATALOGUE[name].files.values()
    assert all(re.fullmatch(SHA256, file.gzip) and file.content for file in files)


def test_no_two_published_files_share_a_checksum_or_a_name_of_their_own():
    files = [file for dataset in CATALOGUE.values() for file in dataset.files.values()]
    own_names = [file.name.lower() for file in files if file.name not in catalog.NAMES]
    assert len(set(own_names)) == len(own_names) == 16
    assert len({file.gzip for file in files}) == len(files)


def test_only_the_training_labels_of_qmnist_are_those_of_another_dataset():
    contents = Counter(
        file.content
        for dataset in CATALOGUE.values()
        for file in dataset.files.values()
        if file.content
    )
    shared = [content for content, count in contents.items() if count > 1]
    assert shared == [CATALOGUE["mnist"].files[catalog.TRAIN_LABELS].content]
    assert shared == [CATALOGUE["qmnist"].files[catalog.TRAIN_LABELS].content]


@pytest.mark.parametrize("name", VERIFIED)
def test_the_checksums_are_those_of_the_published_files(name):
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    for file in CATALOGUE[name].files.values():
        packed = (folder / f"{file.name}.gz").read_bytes()
        computed = [sha256(each).hexdigest() for each in (packed, gzip.decompress(packed))]
        assert [file.gzip, file.content] == computed
