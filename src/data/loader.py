"""The training split, window by window: what the device holds at once.

If all of it fits, the split is the one window. Else it is streamed, and shuffled in two steps, as a
disk reads well only what lies together: for each epoch, blocks of ``BLOCK`` consecutive images are
strung together in an order drawn anew, and cut into windows; then the images of each window are
drawn in an order of their own. A batch is thus a sample of blocks from everywhere in the split.
Everything follows from seed, epoch and window, so that a training can go on from any step.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from src.data.splits import read_rows

Split = tuple[np.ndarray, np.ndarray]  # images uint8 [N, H, W], labels uint8 [N]
BLOCK = 64  # images of MNIST: 50 kB, which takes a disk not much longer than a byte


@dataclass(frozen=True)
class Chunk:
    """Images for the steps from ``first`` up to ``end`` of the training.

    Attributes:
        split: images ``uint8 [S, H, W]`` and labels ``uint8 [S]``, with one S for all windows; none
            if they are those of the window before.
        order: ``int32 [S]``, in which the steps take the images.
    """

    first: int
    end: int
    split: Split | None
    order: tf.Tensor


class Loader:
    """A split in windows, of which the next is read while one is used.

    Images that fill no batch are left to the next epoch's order.

    Args:
        split: images ``uint8 [N, H, W]`` and labels ``uint8 [N]``; memory maps if N is large.
        batch: images in a step, at most N.
        size: images in a window, a multiple of ``batch``; none for all.
        seed: of the order.
        shuffle: or else images come as they lie in the split.
        total_steps: after which nothing is read ahead.
    """

    def __init__(
        self,
        split: Split,
        batch: int,
        size: int | None,
        seed: int,
        shuffle: bool,
        total_steps: int,
    ) -> None:
        self._split, self._batch, self._seed, self._shuffle = split, batch, seed, shuffle
        self._count, self._total_steps = len(split[1]), total_steps
        self._steps_per_epoch = self._count // batch
        self._streams = size is not None
        fit = size // batch if size else self._steps_per_epoch
        self._per_epoch = -(-self._steps_per_epoch // fit)
        self._steps = -(-self._steps_per_epoch // self._per_epoch)  # of a window
        self._size = self._steps * batch if size else self._count
        self._block = BLOCK if size and shuffle else self._size
        self._there: int | None = None  # the window whose images were given last
        self._ahead: tuple[int, Future[Split]] | None = None
        self._reader = ThreadPoolExecutor(1)

    def at(self, step: int) -> Chunk:
        """The window for a step, from 0, of the training."""
        epoch, of_epoch = divmod(step, self._steps_per_epoch)
        number = epoch * self._per_epoch + of_epoch // self._steps
        first = epoch * self._steps_per_epoch + of_epoch // self._steps * self._steps
        end = min(first + self._steps, (epoch + 1) * self._steps_per_epoch)
        wanted = number if self._streams else 0
        split = None if wanted == self._there else self._bring(wanted)
        self._there = wanted
        if self._streams and end < self._total_steps and self._ahead is None:
            self._ahead = number + 1, self._reader.submit(self._read, number + 1)
        return Chunk(first, end, split, self._order(number))

    def _order(self, number: int) -> tf.Tensor:
        before = number % self._per_epoch * self._size
        count = min(self._size, self._count - before)
        order = tf.range(count)
        if self._shuffle:
            order = tf.random.experimental.stateless_shuffle(order, seed=(self._seed, number))
        return tf.pad(order, [[0, self._size - count]])

    def _bring(self, number: int) -> Split:
        ahead, self._ahead = self._ahead, None
        if ahead and ahead[0] == number:
            return ahead[1].result()
        return self._read(number)

    def _read(self, number: int) -> Split:
        """The images and labels of a window; what an epoch's last one lacks is zero."""
        epoch, index = divmod(number, self._per_epoch)
        order, start = range(-(-self._count // self._block)), 0
        if self._streams and self._shuffle:
            order, start = block_order(self._count, self._seed, epoch)
        rows = tuple(np.zeros((self._size, *part.shape[1:]), part.dtype) for part in self._split)
        first = begin = index * self._size
        end = min(first + self._size, self._count)
        while begin < end:
            place = (start + begin) % self._count
            block, skipped = divmod(place, self._block)
            length = min(self._block - skipped, self._count - place, end - begin)
            source, into = int(order[block]) * self._block + skipped, begin - first
            for part, target in zip(self._split, rows, strict=True):
                read_rows(part, source, target[into : into + length])
            begin += length
        return rows


@lru_cache(2)
def block_order(count: int, seed: int, epoch: int) -> tuple[np.ndarray, int]:
    """How an epoch strings the blocks of a split of ``count`` images together.

    Returns:
        The blocks in order, of which a short one is the last; and the image among all of them, so
        strung, to start from, so that those that fill no batch are others each time.
    """
    random, order = np.random.default_rng((seed, epoch)), np.arange(-(-count // BLOCK))
    random.shuffle(order[: count // BLOCK])
    return order, int(random.integers(count))
