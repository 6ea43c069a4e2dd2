"""The training split in chunks: the images that the device holds at the same time.

If the split fits into the memory of the device, it is one chunk. Otherwise it is streamed through
a shuffle buffer. For each epoch, blocks of ``BLOCK`` consecutive images are put into a random order
and cut into chunks of the buffer's size; then the images of each chunk are shuffled. A batch is
thus a sample from the complete split, although the disk reads consecutive images only.
Seed, epoch and chunk number determine the order, so a training can resume from any step.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from src.common.tensorflow import tf
from src.data.splits import read_rows

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]
Shuffle = Literal["each epoch", "once", "never"]
BLOCK = 64  # MNIST: 50 kB, for which a disk needs little more time than for one byte


@dataclass(frozen=True)
class Chunk:
    """The S images for the steps from ``first`` up to, but not including, ``end``."""

    first: int
    end: int
    order: tf.Tensor  # int32 [S]: rows of the chunk in the order in which the steps use them


class Loader:
    """Divides a split into chunks, and prefetches the next chunk while one is used.

    The last images of an epoch that do not fill a batch are not used in that epoch.

    Args:
        split: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``; memory maps if N is large.
        batch_size: images in a step, at most N.
        buffer_size: images in a chunk, a multiple of ``batch_size``; None for the complete split.
        seed: of the order.
        shuffle: ``each epoch`` in another order; ``once``, in the same random order in each
            epoch; or ``never``, in the order of the split.
        total_steps: steps of the training; no chunk after them is prefetched.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        buffer_size: int | None,
        seed: int,
        shuffle: Shuffle,
        total_steps: int,
    ) -> None:
        self._split, self._seed, self._shuffle = split, seed, shuffle
        self._count, self._total_steps = len(split[1]), total_steps
        self.steps_per_epoch = self._count // batch_size
        self._streams = buffer_size is not None
        most_steps = buffer_size // batch_size if buffer_size else self.steps_per_epoch
        self._chunks_per_epoch = -(-self.steps_per_epoch // most_steps)
        self._steps_per_chunk = -(-self.steps_per_epoch // self._chunks_per_epoch)
        self._size = self._steps_per_chunk * batch_size if buffer_size else self._count
        self._block = BLOCK if buffer_size and shuffle != "never" else self._size
        self._is_loaded = False  # the complete split
        self._prefetched: dict[int, Future[Split]] = {}  # at most one chunk, by its number
        self._reader = ThreadPoolExecutor(1)

    def chunk_at(self, step: int) -> tuple[Chunk, Split | None]:
        """Return the chunk of a step, counted from 0, and its images and labels.

        They are None if they are those of the previous call, because the split is one chunk.
        """
        epoch, epoch_step = divmod(step, self.steps_per_epoch)
        index = epoch_step // self._steps_per_chunk
        number = epoch * self._chunks_per_epoch + index
        first = epoch * self.steps_per_epoch + index * self._steps_per_chunk
        end = min(first + self._steps_per_chunk, (epoch + 1) * self.steps_per_epoch)
        split = None
        if self._streams:
            prefetched = self._prefetched.pop(number, None)
            split = prefetched.result() if prefetched else self._read(number)
            if end < self._total_steps:
                self._prefetched = {number + 1: self._reader.submit(self._read, number + 1)}
        elif not self._is_loaded:
            split, self._is_loaded = self._read(0), True
        return Chunk(first, end, self._order(number)), split

    def _order(self, number: int) -> tf.Tensor:
        skipped = number % self._chunks_per_epoch * self._size
        count = min(self._size, self._count - skipped)
        order = tf.range(count)
        if self._shuffle != "never":
            if self._shuffle == "once":
                number %= self._chunks_per_epoch
            order = tf.random.experimental.stateless_shuffle(order, seed=(self._seed, number))
        return tf.pad(order, [[0, self._size - count]])

    def _read(self, number: int) -> Split:
        """Read a chunk; the last chunk of an epoch is padded with zeros."""
        epoch, index = divmod(number, self._chunks_per_epoch)
        order: range | np.ndarray = range(-(-self._count // self._block))
        offset = 0
        if self._streams and self._shuffle != "never":
            epoch = 0 if self._shuffle == "once" else epoch
            order, offset = block_order(self._count, self._seed, epoch)
        images = np.zeros((self._size, *self._split[0].shape[1:]), np.uint8)
        chunk = images, np.zeros(self._size, np.uint8)
        first = position = index * self._size
        end = min(first + self._size, self._count)
        while position < end:
            shifted = (offset + position) % self._count
            block, skipped = divmod(shifted, self._block)
            length = min(self._block - skipped, self._count - shifted, end - position)
            source, target = int(order[block]) * self._block + skipped, position - first
            for part, rows in zip(self._split, chunk, strict=True):
                read_rows(part, source, rows[target : target + length])
            position += length
        return chunk


@lru_cache(2)
def block_order(count: int, seed: int, epoch: int) -> tuple[np.ndarray, int]:
    """Return the order of the blocks in an epoch of a split of ``count`` images.

    An incomplete block stays last. Also return the position of the first image to use among all
    images in that order. It is random, so the images that fill no batch differ between epochs.
    """
    random, order = np.random.default_rng((seed, epoch)), np.arange(-(-count // BLOCK))
    random.shuffle(order[: count // BLOCK])
    return order, int(random.integers(count))
