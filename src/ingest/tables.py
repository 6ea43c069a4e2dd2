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
    """The labels and images of a table. It is read once, to check it, and for each iteration.

    A PipelineError is raised if it cannot be used, or if its images cannot have the size.

    Attributes:
        shape: height and width of the images.
        names: of the columns; their numbers from 1 on, if there is no header.
        labels: of the rows, as text, "" where one is missing; empty if there is no such column.
        count: number of rows.
    """

    path: Path
    label: str | None  # name of the column of the labels; by default, one of LABELS or the first
    size: tuple[int, int] | None  # height and width; other square images are scaled to it
    transpose: bool  # whether the pixels are stored column by column
    conversion: Conversion  # of image files

    def __post_init__(self) -> None:
        self._class_names, self._has_header, self._has_files = list[str](), True, False
        self._is_parquet = self.path.name.lower().endswith(PARQUET)
        with self._reading():
            self._images = self._read_schema() if self._is_parquet else self._read_header()
        self._stored = (self.size or FILES_SHAPE) if self._has_files else self._stored_shape()
        self.shape = self.size or self._stored
        if self.transpose and not self._has_files:
            self._images = np.reshape(self._images, self._stored[::-1]).T.ravel().tolist()
        self.labels, self.count, greatest = list[str](), 0, 0.0
        for frame in self._frames():
            if self._label is not None:
                self.labels += map(self._class_name, frame[self._label])
            if not self._has_files:
                greatest = max(greatest, float(self._pixels(frame).max()))
            self.count += len(frame)
        if not self.count:
            raise PipelineError(f"{self.path} has no rows with images; use a complete table")
        self._scale = 255 if greatest <= 1 else 1  # some tables have pixels from 0 to 1

    def __iter__(self) -> Iterator[Picture | str]:
        """Yield each image, or why it cannot be used."""
        if self._has_files:
            column = self._images[0]
            files = (_content(each) for frame in self._frames() for each in frame[column])
            read = partial(convert, name="", shape=self.shape, conversion=self.conversion)
            yield from converted_images(files, read)
            return
        for frame in self._frames():
            levels = np.rint(self._pixels(frame) * self._scale).astype(np.uint8)
            for image in levels.reshape(-1, *self._stored):
                yield Picture(fit(image, self.shape), "")

    def row(self, index: int) -> str:
        """The place of an image, for messages. As in a spreadsheet, a header is row 1."""
        return f"{self.path}, row {index + 1 + self._has_header}"

    def check_labels(self) -> None:
        """Raise a PipelineError if there are no labels, or they cannot be the names of classes."""
        if self._label is None:
            raise PipelineError(
                f"{self.path} has no column of labels, but {_listed(self.names)}; if it has "
                "labels, name their column with --label; to predict its images, use "
                f"`python -m src.apps.predict --table {self.path} --out submission.csv`"
            )
        column = self.names[self._label]
        for index, label in enumerate(self.labels):
            check_class_name(label, f"{self.row(index)}, column {column}")

    def _read_header(self) -> list[int]:
        """Find the columns of a CSV file; return the indices of those of the pixels."""
        first_row = pd.read_csv(
            self.path, header=None, nrows=1, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
        names = first_row.iloc[0].to_list()
        if len(names) < 2:
            raise PipelineError(f"{self.path} has fewer than two columns; separate them by commas")
        numbers = [str(number) for number in range(len(names) + 1)]
        is_range = names[1:] == numbers[:-2]  # as pandas names columns
        self._has_header = is_range or not all(map(NUMBER.fullmatch, names[1:]))
        is_square = math.isqrt(len(names)) ** 2 == len(names)  # the first column has pixels, too
        default = None if self._has_header or is_square else 0
        return self._find_label(names if self._has_header else numbers[1:], default)

    def _read_schema(self) -> list[int]:
        """Find the columns of a Parquet file; return the indices of those of the images."""
        schema = pa.parquet.read_schema(self.path)
        others = self._find_label(schema.names, None)
        with suppress(KeyError, TypeError, ValueError):  # the file is not one of Hugging Face
            features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
            self._class_names = features[schema.names[self._label or 0]]["names"]
        files = [index for index in others if FILE.match(str(schema.types[index]))]
        self._has_files = bool(files)
        return files[:1] or others

    def _find_label(self, names: list[str], default: int | None) -> list[int]:
        """Find the column of the labels; return the others that can have images."""
        keys = [name.strip().lower() for name in names]
        found = [i for i, key in enumerate(keys) if key in LABELS]
        if self.label is not None:
            found = [i for i, name in enumerate(names) if name == self.label]
            if not found:
                listed = _listed(names)
                raise PipelineError(
                    f"{self.path} has no column {self.label!r}; name one of {listed}"
                )
        self.names, self._label = names, found[0] if found else default
        return [i for i, key in enumerate(keys) if key not in IGNORED and i != self._label]

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

    def _frames(self) -> Iterator[pd.DataFrame]:
        """Some rows after the other; the columns are numbered, because names can be there twice."""
        first, columns = 0, range(len(self.names))
        with self._reading():
            batches = self._read_parquet() if self._is_parquet else self._read_csv()
            for batch in batches:
                frame = batch.to_pandas(ignore_metadata=True)
                yield frame.set_axis(columns, axis=1).set_axis(range(first, first + len(frame)))
                first += len(frame)

    def _read_parquet(self) -> Iterator[pa.RecordBatch]:
        return pa.parquet.ParquetFile(self.path).iter_batches(FILES if self._has_files else ROWS)

    def _read_csv(self) -> Iterator[pa.RecordBatch]:
        is_gzip = self.path.name.lower().endswith(".gz")
        file = pa.input_stream(str(self.path), compression="gzip" if is_gzip else None)
        keys = [str(index) for index in range(len(self.names))]
        types = dict.fromkeys(keys, pa.string()) | {str(i): pa.float32() for i in self._images}
        # With threads, messages would lack the numbers of the rows.
        read = {"use_threads": False, "block_size": BLOCK, "skip_rows": int(self._has_header)}
        read_options = pa.csv.ReadOptions(**read, column_names=keys)
        convert_options = pa.csv.ConvertOptions(column_types=types)
        return pa.csv.open_csv(file, read_options, convert_options=convert_options)

    def _pixels(self, frame: pd.DataFrame) -> np.ndarray:
        """The pixels, ``float32 [n, P]``, of some rows."""
        numbers = frame[self._images].apply(pd.to_numeric, errors="coerce")
        pixels = numbers.to_numpy(np.float32)
        wrong = np.argwhere(~((pixels >= 0) & (pixels <= 255)))  # also NaN: no number
        if len(wrong):
            row, column = frame.index[wrong[0, 0]], self._images[wrong[0, 1]]
            value = frame.at[row, column]
            shown = "an empty cell" if pd.isna(value) else value
            raise PipelineError(
                f"{self.row(row)}, column {self.names[column]}: {shown} is no number from 0 to "
                "255; correct it"
            )
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


def _content(file: Any) -> bytes:
    return (file["bytes"] if isinstance(file, dict) else file) or b""


def _listed(names: list[str]) -> str:
    """The first names of columns, and the last one, for messages."""
    return ", ".join(names if len(names) <= 5 else [*names[:3], "…", names[-1]])


def members_of(train: Table, test: Table | None = None) -> pd.DataFrame:
    """The images of one or two tables: ``members`` of ``number_classes``.

    Raises:
        PipelineError: a table has no labels, they cannot be used, or the tables do not agree.
    """
    parts = []
    for table in (train, test) if test else (train,):
        table.check_labels()
        rows = [table.row(index) for index in range(table.count)]
        is_test = table is test if test else None
        parts.append(pd.DataFrame({"class": table.labels, "is_test": is_test, "source": rows}))
    if test and (unknown := {*test.labels} - {*train.labels}):
        row = min(map(test.labels.index, unknown))
        fault = f"the label {test.labels[row]!r}, which {train.path} lacks; correct it"
        raise PipelineError(f"{test.row(row)} has {fault}")
    return pd.concat(parts, ignore_index=True)
