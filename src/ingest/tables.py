"""Tables with one image per row, as people publish and exchange datasets; see docs/datasets.md."""

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from src.common.errors import PipelineError
from src.ingest.image_folders import WORKERS
from src.pictures.convert import Conversion, convert, fit
from src.pictures.decode import PictureError

PARQUET = ".parquet"
SUFFIXES = (".csv", ".csv.gz", PARQUET)
LABELS = {"label", "labels", "class", "target", "y", "digit", "letter", "character", "category"}
IGNORED = {"", "id", "index", "imageid", "unnamed: 0", "__index_level_0__"}  # numbers of rows
BLOCK = 8 << 20  # bytes of a CSV file in memory; more than the longest row
ROWS = 256  # of a Parquet file in memory
NUMBER = re.compile(r"\s*[\d.eE+-]*\s*")
FLOAT = re.compile(r"\d+\.\d*(e\+\d+)?")  # the label 7, as pandas and NumPy write it: 7.0, 7.00e+00
CELL = re.compile(r"column #(\d+): Row #(\d+): .*(invalid .*)", re.DOTALL)  # a message of pyarrow
FILES_SHAPE = 28, 28  # of image files, if no size is given


class Table:
    """The labels and images of a table. It is read once, to check it, and for each iteration.

    Attributes:
        path: of the file.
        shape: height and width of the images.
        stored: height and width in the table, before they are scaled.
        names: of the columns.
        label: index of the column of the labels; None if there is none.
        pixels: number of columns of pixels; 0 if the images are files.
        labels: of the rows, as text, "" where one is missing; empty if there is no such column.
        count: number of rows.
    """

    def __init__(
        self,
        path: Path,
        label: str | None,
        size: tuple[int, int] | None,
        transpose: bool,
        conversion: Conversion,
    ) -> None:
        """Read a table.

        Args:
            label: name of the column of the labels, or its number from 1 on if there is no header.
                By default, its name is one of ``LABELS``; without a header, it is the first column,
                unless the number of columns is that of the pixels of a square.
            size: height and width. Images of as many pixels have it; other square images are scaled
                to it.
            transpose: whether the pixels of an image are stored column by column.
            conversion: of image files.

        Raises:
            PipelineError: the table cannot be used, or its images cannot have this size.
        """
        self.path, self._conversion, self._class_names = path, conversion, list[str]()
        self._is_parquet, self._has_files = path.name.lower().endswith(PARQUET), False
        with self._reading():
            self._images = self._read_parquet(label) if self._is_parquet else self._read_csv(label)
        if self._has_files:
            self.shape = self.stored = size or FILES_SHAPE
        else:
            self.stored = self._stored_shape(size)
            self.shape = size or self.stored
            if transpose:
                self._images = np.reshape(self._images, self.stored[::-1]).T.ravel().tolist()
        self.pixels = 0 if self._has_files else len(self._images)
        self.labels, self.count, greatest = list[str](), 0, 0.0
        for labels, images in self._rows():
            self.labels += labels
            self.count += len(images)
            if isinstance(images, np.ndarray):
                greatest = max(greatest, float(images.max()))
        if not self.count:
            raise PipelineError(f"{path} has no rows with images; use a complete table")
        self._scale = 255 if greatest <= 1 else 1  # some tables have pixels from 0 to 1

    def __iter__(self) -> Iterator[np.ndarray | str]:
        """Yield each image, ``uint8 [H, W]``, or why it cannot be used."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for _, images in self._rows():
                if isinstance(images, np.ndarray):
                    levels = np.rint(images * self._scale).astype(np.uint8)
                    yield from map(self._scaled, levels.reshape(-1, *self.stored))
                else:
                    yield from pool.map(self._converted, images)

    def row(self, index: int) -> str:
        """The place of an image, for messages. As in a spreadsheet, a header is row 1."""
        return f"{self.path}, row {index + 1 + self.has_header}"

    def _read_csv(self, label: str | None) -> list[int]:
        """Read the header; return the columns of the images."""
        with self._opened() as file, io.TextIOWrapper(file, "utf-8-sig", "replace") as text:
            names = next(csv.reader(text), [])
        if len(names) < 2:
            raise PipelineError(
                f"{self.path} has {len(names)} columns in its first row; use a table with a column "
                "for each pixel, which are separated by commas"
            )
        numbers = [str(number) for number in range(len(names) + 1)]
        is_range = names[1:] == numbers[:-2]  # as pandas names columns
        self.has_header = is_range or not all(map(NUMBER.fullmatch, names[1:]))
        self.names = names if self.has_header else numbers[1:]
        is_square = math.isqrt(len(names)) ** 2 == len(names)
        self.label = self._label_column(label, None if self.has_header or is_square else 0)
        return self._other_columns()

    def _read_parquet(self, label: str | None) -> list[int]:
        """Read the schema; return the columns of the images."""
        schema = pa.parquet.read_schema(self.path)
        self.has_header, self.names = True, schema.names
        self.label = self._label_column(label)
        files = [index for index, kind in enumerate(schema.types) if _is_file(kind)]
        self._has_files = bool(files)
        with suppress(KeyError, TypeError, ValueError):  # the file is not one of Hugging Face
            features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
            self._class_names = features[schema.names[self.label or 0]]["names"]
        return files[:1] or self._other_columns()

    def _label_column(self, wanted: str | None, default: int | None = None) -> int | None:
        if wanted is not None and wanted not in self.names:
            columns = listed(self.names)
            raise PipelineError(f"{self.path} has no column {wanted!r}, but {columns}; name one")
        is_label = [name == wanted if wanted else _key(name) in LABELS for name in self.names]
        return is_label.index(True) if any(is_label) else default

    def _other_columns(self) -> list[int]:
        columns = [index for index in range(len(self.names)) if index != self.label]
        return [index for index in columns if _key(self.names[index]) not in IGNORED]

    def _stored_shape(self, size: tuple[int, int] | None) -> tuple[int, int]:
        count, side = len(self._images), math.isqrt(len(self._images))
        if size and math.prod(size) == count:
            return size
        if side * side == count > 0 and (not size or size[0] == size[1]):
            return side, side
        names = listed([self.names[index] for index in self._images])
        fault = "which are no square; give --size"
        if size:
            fault = f"not {size[1]}×{size[0]}; give a table of such images"
        raise PipelineError(
            f"{self.path} has {count:,} columns of pixels ({names}), {fault}, or name the column "
            "of the labels with --label"
        )

    def _opened(self) -> pa.NativeFile:
        is_gzip = self.path.name.lower().endswith(".gz")
        return pa.input_stream(str(self.path), compression="gzip" if is_gzip else None)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """All columns of some rows."""
        if self._is_parquet:
            yield from pa.parquet.ParquetFile(self.path).iter_batches(ROWS)
            return
        keys = [str(index) for index in range(len(self.names))]  # names can be there twice
        numbers = {keys[index]: pa.float32() for index in self._images}
        # With threads, messages would lack the numbers of the rows.
        read = {"use_threads": False, "block_size": BLOCK, "skip_rows": int(self.has_header)}
        yield from pa.csv.open_csv(
            self._opened(),
            pa.csv.ReadOptions(**read, column_names=keys),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()) | numbers
            ),
        )

    def _rows(self) -> Iterator[tuple[list[str], np.ndarray | list[bytes]]]:
        """The labels of some rows, and their pixels, ``[N, P]``, or image files."""
        first = 0
        with self._reading():
            for batch in self._batches():
                labels = [] if self.label is None else batch[self.label].cast(pa.string())
                images = batch.select(self._images)
                found = self._pixels(images, first) if not self._has_files else _contents(images[0])
                yield [self._class_name(label.as_py()) for label in labels], found
                first += batch.num_rows

    def _pixels(self, images: pa.RecordBatch, first: int) -> np.ndarray:
        pixels = images.to_tensor(null_to_nan=True).to_numpy()
        wrong = np.argwhere(~((pixels >= 0) & (pixels <= 255)))  # also NaN: an empty cell
        if len(wrong):
            row, column = wrong[0]
            raise PipelineError(
                f"{self.row(first + row)}, column {self.names[self._images[column]]}: "
                f"{pixels[row, column]:g} is no number from 0 to 255; correct it"
            )
        return pixels

    def _class_name(self, label: str | None) -> str:
        text = unicodedata.normalize("NFC", (label or "").strip())
        if FLOAT.fullmatch(text) and float(text).is_integer():
            text = str(int(float(text)))
        is_number = text.isdecimal() and int(text) < len(self._class_names)
        return self._class_names[int(text)] if is_number else text

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        return image if image.shape == self.shape else fit(image, self.shape)

    def _converted(self, content: bytes) -> np.ndarray | str:
        try:
            return convert(content, "", self.shape, self._conversion).image
        except PictureError as error:  # it would keep the decoded file in memory
            return error.reason

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Errors of reading become a ``PipelineError``."""
        try:
            yield
        except (pa.ArrowException, csv.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            where = f"{self.path} cannot be read as a table"
            if cell := CELL.search(reason):
                column, row, reason = cell.groups()
                where = f"{self.path}, row {row}, column {self.names[int(column)]}"
            raise PipelineError(f"{where} ({reason}); correct or replace the file") from None


def is_table(path: Path) -> bool:
    """Whether the name of a file is that of a table."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


def _key(name: str) -> str:
    return name.strip().lower()


def _is_file(kind: pa.DataType) -> bool:
    """Whether the values of a column are image files: their bytes, or a struct that has these."""
    is_struct = pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0
    return is_struct or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _contents(column: pa.Array) -> list[bytes]:
    files = column.field("bytes") if pa.types.is_struct(column.type) else column
    return [content or b"" for content in files.to_pylist()]


def listed(names: list[str]) -> str:
    """The first names of columns, and the last one, for messages."""
    return ", ".join(names if len(names) <= 5 else [*names[:3], "…", names[-1]])
