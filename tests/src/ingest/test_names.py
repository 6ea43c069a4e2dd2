"""Files are found by the names that MNIST's authors gave, and by those that only a dataset has."""

import zipfile

import pytest
from src.ingest.names import find_files, has_published_name

from src.ingest import catalog


@pytest.fixture
def folder(tmp_path):
    """Return a function that creates empty files in a folder, and returns the folder."""

    def create(*names):
        for name in names:
            (tmp_path / name).touch()
        return tmp_path

    return create


def found(folder, dataset=None):
    files = find_files(folder, catalog.CATALOGUE[dataset] if dataset else None)
    return {name: [path.name for path in paths] for name, paths in files.items() if paths}


def test_other_files_and_folders_are_ignored(own):
    for name in ("train-images-idx3-ubyte.zip", "old-train-images-idx3-ubyte", "images.png"):
        (own / name).write_bytes(b"")
    (own / "train-images.idx3-ubyte").mkdir()  # some programs unpack a file into such a folder
    assert find_files(own) == {name: [own / name] for name in catalog.NAMES}


@pytest.mark.parametrize("dataset", catalog.CATALOGUE)
@pytest.mark.parametrize("change", [str, str.upper, str.lower, lambda name: f"{name}.gz"])
@pytest.mark.parametrize("separator", ["-idx", ".idx"])
def test_the_published_names_are_found(folder, dataset, change, separator):
    files = catalog.CATALOGUE[dataset].files
    names = {name: change(file.name.replace("-idx", separator)) for name, file in files.items()}
    assert found(folder(*names.values()), dataset) == {name: [own] for name, own in names.items()}


@pytest.mark.parametrize("dataset", [None, *catalog.CATALOGUE])
def test_the_names_of_mnist_are_found_for_each_dataset(folder, dataset):
    expected = {name: [name] for name in catalog.NAMES}
    assert found(folder(*catalog.NAMES), dataset) == expected


def test_names_of_other_datasets_are_ignored(folder):
    path = folder(
        *(file.name for each in catalog.CATALOGUE.values() for file in each.files.values())
    )
    mnist = {name: [name] for name in catalog.NAMES}
    assert found(path) == found(path, "mnist") == found(path, "kmnist") == mnist
    for dataset in ("emnist-balanced", "emnist-letters", "kannada-mnist", "qmnist"):
        files = catalog.CATALOGUE[dataset].files
        assert found(path, dataset) == {name: [file.name] for name, file in files.items()}


def test_a_published_name_belongs_to_one_dataset(folder):
    path = folder() / "EMNIST-letters-test-images.idx3-ubyte.gz"
    datasets = catalog.CATALOGUE.items()
    assert [name for name, each in datasets if has_published_name(path, each)] == ["emnist-letters"]
    assert not any(has_published_name(path.with_name(catalog.TEST_IMAGES), e) for _, e in datasets)


def test_files_in_a_zip_file_are_found(tmp_path):
    files = catalog.CATALOGUE["emnist-letters"].files
    with zipfile.ZipFile(tmp_path / "gzip.zip", "w") as archive:
        for file in files.values():
            archive.writestr(f"gzip/{file.name}.gz", b"")
        archive.writestr("gzip/emnist-letters-mapping.txt", b"")
    inside = zipfile.Path(tmp_path / "gzip.zip", "gzip/")
    assert found(inside, "emnist-letters") == {
        name: [f"{file.name}.gz"] for name, file in files.items()
    }
