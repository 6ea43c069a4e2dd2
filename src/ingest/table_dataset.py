"""A dataset made of a table with labels, or of one for training and one for the test."""

from collections.abc import Iterator, Sequence

import numpy as np

from src.common.errors import PipelineError
from src.ingest.classes import MAX_LABELS, in_natural_order, is_class_name, random_test_images
from src.ingest.own_dataset import OwnImage
from src.ingest.tables import Table, listed


def own_images(
    tables: Sequence[Table], test_fraction: float, seed: int
) -> tuple[list[str], Iterator[OwnImage]]:
    """Return the names of the classes, in natural order, and the images with their classes.

    Args:
        tables: that of the training images, and perhaps that of the test images.
        test_fraction: of each class, chosen at random, if there is one table.
        seed: of this choice.

    Raises:
        PipelineError: a table has no labels, they cannot be used, or the tables do not agree.
    """
    train, *others = tables
    names = in_natural_order(_labels(train))
    if not 2 <= len(names) <= MAX_LABELS:
        raise PipelineError(
            f"{train.path} has {len(names):,} different labels, but 2 to {MAX_LABELS} are needed; "
            "name the column of the labels with --label"
        )
    numbers = {name: number for number, name in enumerate(names)}
    for test in others:
        if unknown := _labels(test) - numbers.keys():
            row = min(map(test.labels.index, unknown))
            raise PipelineError(
                f"{test.row(row)} has the label {test.labels[row]!r}, which {train.path} lacks; "
                "correct one of them"
            )
        if test.pixels != train.pixels:
            raise PipelineError(
                f"{test.path} has {test.pixels:,} columns of pixels, but {train.path} has "
                f"{train.pixels:,}; give tables of the same form"
            )
    labels = np.array([numbers[label] for label in train.labels], np.uint8)
    chosen = random_test_images(labels, test_fraction, seed) & (not others)

    def images() -> Iterator[OwnImage]:
        for table in tables:
            for index, (label, image) in enumerate(zip(table.labels, table, strict=True)):
                is_test = table is not train or bool(chosen[index])
                yield OwnImage(table.row(index), numbers[label], is_test, image)

    return names, images()


def _labels(table: Table) -> set[str]:
    """The different labels, which can be the names of classes."""
    if table.label is None:
        raise PipelineError(
            f"{table.path} has no column of labels, but {listed(table.names)}; name this column "
            "with --label; to predict the images of a table, use "
            f"`python -m src.apps.predict --table {table.path} --out submission.csv`"
        )
    labels = set(table.labels)
    if unusable := [label for label in labels if not is_class_name(label)]:
        row = min(map(table.labels.index, unusable))
        raise PipelineError(
            f"{table.row(row)}, column {table.names[table.label]}: {table.labels[row]!r} cannot be "
            "the name of a class: it is blank, has a control character, or begins as a formula of "
            "a spreadsheet; correct it"
        )
    return labels
