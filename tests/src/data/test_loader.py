"""Windows of a split: each image once an epoch, in an order that can be had again."""

import numpy as np
import pytest

from src.data.loader import BLOCK, Loader

COUNT, BATCH = 1000, 30


@pytest.fixture(params=["in memory", "mapped"])
def split(request, tmp_path):
    """Images of 2 × 1 points that bear their number."""
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


def batches(split, size, steps, first=0, seed=1, shuffle=True):
    """The numbers of the images in each step, and its labels."""
    windows = Loader(split, BATCH, size, seed, shuffle, steps)
    seen, window = [], None
    for step in range(first, steps):
        if window is None or step == window.end:
            window = windows.at(step)
            if window.split:
                images, labels = window.split
        at = (step - window.first) * BATCH
        rows = window.order.numpy()[at : at + BATCH]
        numbers = images[rows, 0, 0].astype(int) * 256 + images[rows, 1, 0]
        assert (labels[rows] == numbers * 10 // COUNT).all()
        seen.append(numbers)
    return np.array(seen)


SIZES = [None, 30, 90, 330, 990]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shuffle", [True, False])
def test_no_image_comes_twice_in_an_epoch(split, size, shuffle):
    steps = COUNT // BATCH
    for epoch in np.split(batches(split, size, 3 * steps, shuffle=shuffle), 3):
        assert len(np.unique(epoch)) == steps * BATCH


def test_each_image_has_its_turn(split):
    """Also those of the last block, which is short and stays last."""
    assert COUNT % BLOCK and COUNT % BATCH
    assert len(np.unique(batches(split, 90, 20 * (COUNT // BATCH)))) == COUNT


@pytest.mark.parametrize("size", SIZES)
def test_an_order_is_had_again_from_any_step(split, size):
    whole = batches(split, size, 80)
    for first in (1, 17, 33, 50, 79):
        assert (batches(split, size, 80, first) == whole[first:]).all()


@pytest.mark.parametrize("size", SIZES)
def test_epochs_and_seeds_have_orders_of_their_own(split, size):
    one, two = np.split(batches(split, size, 66), 2)
    assert not (one == two).all(axis=1).any()
    assert not (batches(split, size, 33, seed=2) == one).all(axis=1).any()


@pytest.mark.parametrize("size", SIZES)
def test_without_shuffling_the_order_is_the_files(split, size):
    epoch = batches(split, size, 33, shuffle=False)
    assert (epoch.ravel() == np.arange(33 * BATCH)).all()


def test_the_window_that_holds_all_is_the_old_shuffle(split):
    """The order of a split that fits does not depend on this module's blocks."""
    import tensorflow as tf

    order = tf.random.experimental.stateless_shuffle(tf.range(COUNT), seed=(1, 0)).numpy()
    assert (batches(split, None, 33).ravel() == order[: 33 * BATCH]).all()


def test_images_are_brought_once_if_all_of_them_fit(split):
    windows = Loader(split, BATCH, None, 1, True, 100)
    assert windows.at(0).split is not None
    assert windows.at(33).split is None


def test_a_batch_of_a_sorted_split_is_a_sample_of_it():
    """As a batch drawn from all: the labels of batches vary no more than chance lets them."""
    count, batch, window = 200_000, 100, 20_000
    images = np.zeros((count, 1, 1), np.uint8)
    labels = (np.arange(count) * 10 // count).astype(np.uint8)
    windows = Loader((images, labels), batch, window, 1, True, count // batch)
    shares = []
    for step in range(0, count // batch, window // batch):
        at = windows.at(step)
        own = at.split[1][at.order.numpy()].reshape(-1, batch)
        shares.append(np.stack([np.bincount(each, minlength=10) for each in own]))
    counts = np.concatenate(shares)
    # Binomial: variance 100 × 0.1 × 0.9; that a window consists of whole blocks adds to it.
    expected = batch * 0.1 * 0.9 * (1 + BLOCK / window * batch)
    assert counts.var() == pytest.approx(expected, rel=0.1)
