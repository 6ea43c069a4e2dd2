"""An archive gives the bytes of the IDX files, or one sentence says what is wrong."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.ingest import catalog, idx, npz

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }"


def read(path, name=catalog.TRAIN_IMAGES):
    return b"".join(npz.read_pieces(path, name))


def npy(array):
    with io.BytesIO() as file:
        np.lib.format.write_array(file, array)
        return file.getvalue()


def archive(path, member, kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr("x_train.npy", member)


def with_header(text, values=b"1234"):
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode() + values


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_are_the_idx_files(tmp_path, arrays, write_set, save):
    contents = arrays()
    write_set(tmp_path, contents)
    path = tmp_path / "any.npz"
    save(path, **{npz.ARRAYS[name]: content for name, content in contents.items()})
    for name in catalog.NAMES:
        assert read(path, name) == (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (IMAGES.astype(float), "has the dtype float64; save it as uint8"),
        (np.array([{"a": 1}], object), "has the dtype object; save it as uint8"),
        (IMAGES[:, 0], r"has the shape \[5, 4\]; save it with the shape \[N, H, W\]"),
        (IMAGES[..., None], r"has the shape \[5, 3, 4, 1\]; save it with the shape \[N, H, W\]"),
        (IMAGES[:, :0], r"has the shape \[5, 0, 4\]"),
        (np.asfortranarray(IMAGES), "Fortran order; save it with np.ascontiguousarray"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message):
    np.savez(tmp_path / "own.npz", x_train=array)
    with pytest.raises(npz.NpzError, match=f"own.npz, array x_train, .*{message}"):
        read(tmp_path / "own.npz")


def test_labels_have_one_dimension(tmp_path):
    np.savez(tmp_path / "own.npz", y_train=IMAGES)
    with pytest.raises(npz.NpzError, match=r"array y_train, has the shape .*with the shape \[N\]"):
        read(tmp_path / "own.npz", catalog.TRAIN_LABELS)


def test_a_missing_array_or_file_is_reported(tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES)
    with pytest.raises(npz.NpzError, match="has no array x_train; save x_train, y_train, x_test"):
        read(tmp_path / "own.npz")
    with pytest.raises(npz.NpzError, match=r"cannot be read \(No such file"):
        read(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"rubbish", r"damaged \.npz file \(array x_train: "),
        (with_header("{'descr': "), "damaged"),
        (with_header("-" * 9000 + "1"), "damaged"),
        (with_header("(" * 9000), "damaged"),
        (with_header(HUGE % "(-5, 28, 28)"), r"has the shape \[-5, 28, 28\]"),
        (with_header(HUGE % "(1099511627776, 28, 28)"), "has the shape"),
        (with_header(HUGE % "(4294967295, 28, 28)"), "is truncated: .* only 4 are there"),
        (npy(IMAGES) + b"1", "is too long"),
        (npy(IMAGES)[:-1], "is truncated"),
        (b"\x93NUMPY\3\0" + npy(IMAGES)[8:], r"has the \.npy version \(3, 0\)"),
    ],
)
def test_a_wrong_member_is_one_sentence(tmp_path, member, message):
    archive(tmp_path / "own.npz", member)
    with pytest.raises(idx.IdxError, match=rf"own\.npz.*{message}") as error:
        read(tmp_path / "own.npz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_changed_byte_is_noticed(tmp_path, kind):
    path = tmp_path / "own.npz"
    archive(path, npy(IMAGES), kind)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") - 3] ^= 1  # behind the values is the list of the files
    path.write_bytes(content)
    with pytest.raises(npz.NpzError, match=r"is a damaged \.npz file"):
        read(path)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_any_content_gives_the_array_or_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.npz"
    archive(path, npy(IMAGES), data.draw(st.sampled_from([0, 8])))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: len(content) - data.draw(st.sampled_from([0, 0, 1, 30]))])
    try:
        list(npz.read_pieces(path, catalog.TRAIN_IMAGES))
    except idx.IdxError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def test_memory_is_bounded(tmp_path):
    path = tmp_path / "own.npz"
    np.savez_compressed(path, x_train=np.zeros((40_000, 28, 28), np.uint8))
    tracemalloc.start()
    try:
        pieces = npz.read_pieces(path, catalog.TRAIN_IMAGES)
        assert sum(len(piece) for piece in pieces) == 16 + 40_000 * 784
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20  # the images are 31 MB
