"""Each image is used at most once in an epoch, in an order that is reproducible."""

import numpy as np
import pytest

from src.common.tensorflow import tf
from src.data.loader import BLOCK, Loader

COUNT, BATCH = 1000, 30


@pytest.fixture(params=["in memory", "mapped"])
def split(request, tmp_path):
    """Images of 2 × 1 pixels that encode their number."""
    numbers = np.arange(COUNT)
    images = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8)[:, :, None]
    labels = (numbers * 10 // COUNT).astype(np.uint8)  # sorted, the worst case for a shuffle
    if request.param == "mapped":
        for name, array in (("images", images), ("labels", labels)):
            np.save(tmp_path / f"{name}.npy", array)
        images, labels = (
            np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("images", "labels")
        )
    return images, labels


def batches(split, size, steps, first=0, seed=1, shuffle="each epoch"):
    """Return the numbers of the images in each step."""
    loader = Loader(split, BATCH, size, seed, shuffle, steps)
    result, chunk = [], None
    for step in range(first, steps):
        if chunk is None or step == chunk.end:
            chunk, split = loader.chunk_at(step)
            if split:
                images, labels = split
        start = (step - chunk.first) * BATCH
        rows = chunk.order.numpy()[start : start + BATCH]
        numbers = images[rows, 0, 0].astype(int) * 256 + images[rows, 1, 0]
        assert (labels[rows] == numbers * 10 // COUNT).all()
        result.append(numbers)
    return np.array(result)


SIZES = [None, 30, 90, 330, 990]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shuffle", ["each epoch", "once", "never"])
def test_no_image_is_used_twice_in_an_epoch(split, size, shuffle):
    steps = COUNT // BATCH
    for epoch in np.split(batches(split, size, 3 * steps, shuffle=shuffle), 3):
        assert len(np.unique(epoch)) == steps * BATCH


def test_each_image_is_used_in_some_epoch(split):
    """Including those of the last block, which is incomplete and stays last."""
    assert COUNT % BLOCK and COUNT % BATCH
    assert len(np.unique(batches(split, 90, 20 * (COUNT // BATCH)))) == COUNT


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shuffle", ["each epoch", "once"])
def test_the_order_is_the_same_from_any_step(split, size, shuffle):
    complete = batches(split, size, 80, shuffle=shuffle)
    for first in (1, 17, 33, 79):
        assert (batches(split, size, 80, first, shuffle=shuffle) == complete[first:]).all()


@pytest.mark.parametrize("size", SIZES)
def test_the_order_depends_on_seed_and_epoch_unless_it_is_fixed(split, size):
    one, two = np.split(batches(split, size, 66), 2)
    assert not (one == two).all(axis=1).any()
    assert not (batches(split, size, 33, seed=2) == one).all(axis=1).any()
    files = np.arange(33 * BATCH).reshape(33, BATCH)
    assert (batches(split, size, 33, shuffle="never") == files).all()
    one, two = np.split(batches(split, size, 66, shuffle="once"), 2)
    assert (one == two).all() and not (one == files).all(axis=1).any()


def test_a_split_that_is_not_streamed_is_shuffled_without_blocks(split):
    order = tf.random.experimental.stateless_shuffle(tf.range(COUNT), seed=(1, 0)).numpy()
    assert (batches(split, None, 33).ravel() == order[: 33 * BATCH]).all()


def test_a_batch_of_a_sorted_split_is_a_random_sample():
    """The label counts of batches have the variance of random samples of the complete split."""
    count, batch, buffer = 200_000, 100, 20_000
    images = np.zeros((count, 1, 1), np.uint8)
    labels = (np.arange(count) * 10 // count).astype(np.uint8)
    loader = Loader((images, labels), batch, buffer, 1, "each epoch", count // batch)
    counts = []
    for step in range(0, count // batch, buffer // batch):
        chunk, split = loader.chunk_at(step)
        shuffled = split[1][chunk.order.numpy()].reshape(-1, batch)
        counts += [np.bincount(each, minlength=10) for each in shuffled]
    counts = np.array(counts)
    # Binomial: variance 100 × 0.1 × 0.9, increased because a chunk consists of complete blocks.
    expected = batch * 0.1 * 0.9 * (1 + BLOCK / buffer * batch)
    assert counts.var() == pytest.approx(expected, rel=0.1)
