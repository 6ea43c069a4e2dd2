"""The datasets known by name: their checksums, public mirrors, class names and conversion."""

from dataclasses import dataclass

from src.pictures.convert import Conversion

# The names that MNIST's authors gave to the four files of a dataset.
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
DIGITS = tuple("0123456789")

DRAWINGS: Conversion = {"center_like_mnist": True, "light_on_dark": True}
LIGHT_ON_DARK: Conversion = {"center_like_mnist": False, "light_on_dark": True}


@dataclass(frozen=True)
class Dataset:
    """A published dataset: four IDX files, in the order of ``NAMES``."""

    checksums: tuple[str, ...]  # SHA-256 of the content of each file, in hexadecimal
    mirrors: tuple[str, ...]  # base URLs of the .gz files, in the order in which to try them
    class_names: tuple[str, ...]
    conversion: Conversion  # of other images
    is_packed: bool = False  # whether the checksums are those of the .gz files


CATALOGUE = {
    "mnist": Dataset(
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        DIGITS,
        DRAWINGS,
    ),
    "fashion-mnist": Dataset(
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        LIGHT_ON_DARK,
    ),
    "kmnist": Dataset(
        (  # those of TensorFlow Datasets
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),  # romanized
        DRAWINGS,
        is_packed=True,
    ),
}
