"""Tables with one image per row, as people publish and exchange datasets; see docs/datasets.md."""

import json
import math
import re
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from src.common.errors import PipelineError
from src.common.messages import warn
from src.ingest.classes import check_class_name
from src.ingest.image_folders import converted_images
from src.pictures.convert import Conversion, Picture, convert
from src.pictures.ink import fit

PARQUET = ".parquet"
SUFFIXES = (".csv", ".csv.gz", PARQUET)
LABELS = {"label", "labels", "class", "target", "y", "digit", "letter", "character", "category"}
IGNORED = {"", "id", "index", "imageid", "unnamed: 0", "__index_level_0__"}  # numbers of rows
FILE = re.compile(r"(struct<(.*, )?bytes: )?(large_)?binary")  # the type of a column of image files
FILES_SHAPE = 28, 28  # of image files, if no size is given
NUMBER = re.compile(r"\s*[\d.eE+-]*\s*")
FLOAT = re.compile(r"\d+\.\d*(e\+\d+)?")  # of labels, as pandas and NumPy write 7: 7.0, 7.000e+00
CELL = re.compile(r"column #(\d+): Row #(\d+): .*(invalid .*)")  # a message of pyarrow
BLOCK = 8 << 20  # bytes of a CSV file in memory; more than the longest row
ROWS, FILES = 2048, 256  # of a Parquet file in memory: rows of pixels, and image files


def is_table(path: Path) -> bool:
    """Whether the name of a file is that of a table."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


@dataclass
class Table:
    """The labels and images of a table. It is read once to check it, and again by each iteration.

    A PipelineError is raised if it cannot be used, or if its images cannot have the size. ``names``
    are those of the columns; their numbers from 1 on, if there is no header. ``shape`` is height
    and width of the images, ``count`` the number of rows. ``labels`` are texts, "" where one is
    missing; there are none without a column of labels.
    """

    path: Path
    label: str | None  # name of the column of the labels; by default, one of LABELS or the first
    size: tuple[int, int] | None  # height and width; other square images are scaled to it
    transpose: bool  # whether the pixels are stored column by column
    conversion: Conversion  # of image files

    def __post_init__(self) -> None:
        self._is_parquet = self.path.name.lower().endswith(PARQUET)
        self._class_names, self._has_header, self._has_files = list[str](), True, False
        with self._reading():
            schema = pa.parquet.read_schema(self.path) if self._is_parquet else None
            self.names = schema.names if schema else self._read_header()
        self._images = self._find_columns()
        if schema:
            self._find_files(schema)
        self._stored = (self.size or FILES_SHAPE) if self._has_files else self._stored_shape()
        self.shape = self.size or self._stored
        if self.transpose and not self._has_files:
            self._images = np.reshape(self._images, self._stored[::-1]).T.ravel().tolist()
        self.labels, self.count, greatest = list[str](), 0, 1.0
        for labels, content in self._parts():
            self.labels += map(self._class_name, labels)
            self.count += len(content)
            if not self._has_files:
                greatest = max(greatest, float(content.max()))
        if not self.count:
            raise PipelineError(f"{self.path} has no rows with images; use a complete table")
        self._scale = 255 if greatest == 1 else 1  # some tables have pixels from 0 to 1

    def __iter__(self) -> Iterator[Picture | str]:
        """Yield each image, or why it cannot be used."""
        if self._has_files:
            files = (file for _, files in self._parts() for file in files)
            read = partial(convert, shape=self.shape, conversion=self.conversion)
            yield from converted_images(files, read)
            return
        for _, pixels in self._parts():
            levels = np.rint(pixels * self._scale).astype(np.uint8)
            for image in levels.reshape(-1, *self._stored):
                yield Picture(fit(image, self.shape), "")

    def row(self, index: int) -> str:
        """The place of an image, for messages. As in a spreadsheet, a header is row 1."""
        return f"{self.path}, row {index + 1 + self._has_header}"

    def _read_header(self) -> list[str]:
        """The names of the columns of a CSV file, or their numbers."""
        first_row = pd.read_csv(
            self.path, header=None, nrows=1, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        names = first_row.iloc[0].to_list()
        if len(names) < 2:
            raise PipelineError(f"{self.path} has fewer than two columns; separate them by commas")
        numbers = [str(number) for number in range(len(names) + 1)]
        is_range = names[1:] == numbers[:-2] or names == numbers[:-1]  # as pandas names columns
        self._has_header = is_range or not all(map(NUMBER.fullmatch, names[1:]))
        return names if self._has_header else numbers[1:]

    def _find_columns(self) -> list[int]:
        """Find the column of the labels; return the others that can have images."""
        keys = [name.strip().lower() for name in self.names]
        found = [i for i, key in enumerate(keys) if key in LABELS]
        if self.label is not None:
            found = [i for i, name in enumerate(self.names) if name == self.label]
            if not found:
                valid = _listed(self.names)
                raise PipelineError(f"{self.path} has no column {self.label!r}; use one of {valid}")
        elif not self._has_header and math.isqrt(len(keys)) ** 2 != len(keys):
            found = [0]  # otherwise the first column has pixels, too
        self._labels = found[:1]
        self.label = self.names[found[0]] if found else None
        return [i for i, key in enumerate(keys) if key not in IGNORED and i not in found[:1]]

    def _find_files(self, schema: pa.Schema) -> None:
        """Find the image files in a Parquet file, and the names of classes that it stores."""
        with suppress(KeyError, TypeError, ValueError):  # it has none: only Hugging Face has
            features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
            self._class_names = features[self.label]["names"]
        if files := [index for index in self._images if FILE.match(str(schema.types[index]))]:
            self._has_files, self._images = True, files[:1]

    def _stored_shape(self) -> tuple[int, int]:
        size, count, side = self.size, len(self._images), math.isqrt(len(self._images))
        if size and math.prod(size) == count:
            return size
        if side * side != count or (size and size[0] != size[1]):
            shape = f"{size[1]}×{size[0]}" if size else "square"
            names = _listed([self.names[index] for index in self._images])
            raise PipelineError(
                f"{self.path} has {count:,} columns of pixels ({names}), but {shape} images are "
                "wanted; use a table of such images, give their --size, or name the column of the "
                "labels with --label"
            )
        if size:
            warn(f"the images of {self.path} are scaled from {side} to {size[0]} pixels per side")
        return side, side

    def _parts(self) -> Iterator[tuple[list[Any], Any]]:
        """The labels, and the pixels ``float32 [n, P]`` or image files, of n rows at a time."""
        first = 0
        with self._reading():
            for batch in self._batches():
                labels = [label for i in self._labels for label in batch.column(i).to_pylist()]
                if self._has_files:
                    files = batch.column(self._images[0]).to_pylist()
                    yield labels, [(f["bytes"] if isinstance(f, dict) else f) or b"" for f in files]
                else:
                    yield labels, self._pixels(batch, first)
                first += len(batch)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._is_parquet:
            rows = FILES if self._has_files else ROWS
            return pa.parquet.ParquetFile(self.path).iter_batches(rows)
        is_gzip = self.path.name.lower().endswith(".gz")
        file = pa.input_stream(str(self.path), compression="gzip" if is_gzip else None)
        keys = [str(index) for index in range(len(self.names))]  # a name can be there twice
        types = dict.fromkeys(keys, pa.string()) | {str(i): pa.float32() for i in self._images}
        # With threads, messages would lack the numbers of the rows.
        read = {"use_threads": False, "block_size": BLOCK, "skip_rows": int(self._has_header)}
        read_options = pa.csv.ReadOptions(**read, column_names=keys)
        convert_options = pa.csv.ConvertOptions(column_types=types)
        return pa.csv.open_csv(file, read_options, convert_options=convert_options)

    def _pixels(self, batch: pa.RecordBatch, first: int) -> np.ndarray:
        """The pixels, ``float32 [n, P]``, of the rows from ``first`` on."""
        columns = [batch.column(index).cast(pa.float32()) for index in self._images]
        pixels = np.column_stack([column.to_numpy(zero_copy_only=False) for column in columns])
        wrong = np.argwhere(~((pixels >= 0) & (pixels <= 255)))  # also NaN: an empty cell
        if len(wrong):
            row, column = wrong[0]
            place = f"{self.row(first + row)}, column {self.names[self._images[column]]}"
            raise PipelineError(f"{place} is empty or no number from 0 to 255; correct it")
        return pixels

    def _class_name(self, label: Any) -> str:
        name = "" if pd.isna(label) else unicodedata.normalize("NFC", str(label).strip())
        if FLOAT.fullmatch(name) and float(name).is_integer():
            name = str(int(float(name)))
        is_number = name.isdecimal() and int(name) < len(self._class_names)
        return self._class_names[int(name)] if is_number else name

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Errors of reading become a ``PipelineError``."""
        try:
            yield
        except (ValueError, TypeError, OSError, EOFError, zlib.error, pa.ArrowException) as error:
            where, reason = f"{self.path} cannot be read as a table", " ".join(str(error).split())
            if cell := CELL.search(reason):
                column, row, reason = cell.groups()
                where = f"{self.path}, row {row}, column {self.names[int(column)]}"
            raise PipelineError(f"{where} ({reason}); correct or replace the file") from None


def _listed(names: list[str]) -> str:
    """The first names of columns, and the last one, for messages."""
    return ", ".join(names if len(names) <= 5 else [*names[:3], "…", names[-1]])


def members_of(train: Table, test: Table | None = None) -> pd.DataFrame:
    """The images of one or two tables: ``members`` of ``write_dataset``.

    A PipelineError is raised if a table has no labels, they cannot be the names of classes,
    or the test images have other ones.
    """
    parts = []
    for table in (train, test) if test else (train,):
        if table.label is None:
            raise PipelineError(
                f"{table.path} has no column of labels, but {_listed(table.names)}; if it has "
                "labels, name their column with --label; to predict its images, use "
                f"`python -m src.apps.predict --table {table.path} --out submission.csv`"
            )
        rows = [table.row(index) for index in range(table.count)]
        for row, label in zip(rows, table.labels, strict=True):
            check_class_name(label, f"{row}, column {table.label}")
        is_test = table is test if test else None
        parts.append(pd.DataFrame({"class": table.labels, "is_test": is_test, "source": rows}))
    if test and (unknown := {*test.labels} - {*train.labels}):
        first = min(map(test.labels.index, unknown))
        fault = f"the label {test.labels[first]!r}, which {train.path} lacks; correct it"
        raise PipelineError(f"{test.row(first)} has {fault}")
    return pd.concat(parts, ignore_index=True)
