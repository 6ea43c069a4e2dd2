"""The datasets known by name: their four files, public mirrors, form, and class names."""

import string
from dataclasses import dataclass, field
from typing import TypedDict

from src.ingest.checksums import CHECKSUMS

# Split and kind of each file; the names are those that MNIST's authors gave.
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
IMAGE_SIZE = (28, 28)  # of all datasets in the catalogue


DIGITS = tuple(string.digits)
CAPITALS = tuple(string.ascii_uppercase)


class Conversion(TypedDict):
    """How image files are converted: for training and for prediction in the same way."""

    framed: bool  # cropped to the ink, scaled, and centered by mass, as MNIST's digits
    light_on_dark: bool  # whether dark images on a light background are inverted; True if framed


DRAWINGS: Conversion = {"framed": True, "light_on_dark": True}
LIGHT_ON_DARK: Conversion = {"framed": False, "light_on_dark": True}


@dataclass(frozen=True)
class PublishedFile:
    """One of the four files of a dataset."""

    name: str  # that its authors gave, without .gz
    gzip: str  # of the published .gz file: its SHA-256, or "md5:" and its MD5, in hexadecimal
    content: str | None  # SHA-256 of the file in data/raw; None: this project does not know it


@dataclass(frozen=True)
class Dataset:
    """A published dataset in IDX files.

    The fields from ``archive`` to ``label_columns`` say how the published files differ from those
    in ``data/raw``.
    """

    files: dict[str, PublishedFile]  # by the name in data/raw, in the order of NAMES
    mirrors: tuple[str, ...] = ()  # base URLs of the .gz files, in the order in which to try them
    page: str = ""  # of its authors
    verified: bool = False  # this project computed all checksums from the published files
    counts: tuple[int, int] = (60_000, 10_000)  # of training and test images
    archive: str = ""  # "NAME.zip/FOLDER": the authors publish the .gz files in this folder of it
    transposed: bool = False  # rows and columns of the images are exchanged
    first_label: int = 0
    label_columns: int = 0  # 0: a label is a byte; else this many int32 values, the first counts
    class_names: tuple[str, ...] = DIGITS
    conversion: Conversion = field(default_factory=lambda: DRAWINGS)


def _files(dataset: str, names: tuple[str, ...] = NAMES) -> dict[str, PublishedFile]:
    rows = zip(NAMES, names, CHECKSUMS[dataset], strict=True)
    return {canonical: PublishedFile(name, *checksums) for canonical, name, checksums in rows}


def _emnist(
    part: str, counts: tuple[int, int], class_names: tuple[str, ...], first_label: int
) -> Dataset:
    names = tuple(f"emnist-{part}-{name.replace('t10k-', 'test-')}" for name in NAMES)
    return Dataset(
        _files(f"emnist-{part}", names),
        page="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        counts=counts,
        class_names=class_names,
        archive="gzip.zip/gzip",  # 562 MB, all parts: too large to be downloaded unasked
        transposed=True,
        first_label=first_label,
    )


CATALOGUE = {
    "mnist": Dataset(
        _files("mnist"),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        page="http://yann.lecun.com/exdb/mnist/",
        verified=True,
    ),
    "fashion-mnist": Dataset(
        _files("fashion-mnist"),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        page="https://github.com/zalandoresearch/fashion-mnist",
        verified=True,
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        conversion=LIGHT_ON_DARK,
    ),
    "kmnist": Dataset(
        _files("kmnist"),
        ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        page="https://codh.rois.ac.jp/kmnist/",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),  # romanized
    ),
    # The other small letters look like the capitals, and are in their classes.
    "emnist-balanced": _emnist(
        "balanced", (112_800, 18_800), (*DIGITS, *CAPITALS, *"abdefghnqrt"), first_label=0
    ),
    "emnist-letters": _emnist("letters", (124_800, 20_800), CAPITALS, first_label=1),
    "kannada-mnist": Dataset(
        _files(
            "kannada-mnist",
            (
                "X_kannada_MNIST_train-idx3-ubyte",
                "y_kannada_MNIST_train-idx1-ubyte",
                "X_kannada_MNIST_test-idx3-ubyte",
                "y_kannada_MNIST_test-idx1-ubyte",
            ),
        ),
        (
            "https://raw.githubusercontent.com/vinayprabhu/Kannada_MNIST/master/"
            "data/output_tensors/MNIST_format/",
        ),
        page="https://github.com/vinayprabhu/Kannada_MNIST",
    ),
    "qmnist": Dataset(
        _files(
            "qmnist",
            (
                "qmnist-train-images-idx3-ubyte",
                "qmnist-train-labels-idx2-int",
                "qmnist-test-images-idx3-ubyte",
                "qmnist-test-labels-idx2-int",
            ),
        ),
        ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",),
        page="https://github.com/facebookresearch/qmnist",
        counts=(60_000, 60_000),
        label_columns=8,
    ),
}
