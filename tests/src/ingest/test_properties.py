"""Class names and conversion of a dataset."""

import json

import pytest
from src.ingest.properties import complete_class_names, known_properties, read_properties

from src.common.errors import PipelineError
from src.ingest.catalog import CATALOGUE


def test_the_names_of_a_user_are_read_in_order(tmp_path):
    (tmp_path / "labels.txt").write_bytes(
        "\ufeffTür & Tor\r\n猫 neko\r\n[red] $x$\r\n\r\n".encode()
    )
    assert read_properties(tmp_path)["class_names"] == ["Tür & Tor", "猫 neko", "[red] $x$"]


def test_both_files_are_optional(tmp_path):
    expected = {"class_names": [], "conversion": {"framed": False, "light_on_dark": True}}
    assert read_properties(tmp_path) == expected


def test_the_conversion_is_read(tmp_path):
    conversion = {"framed": True, "light_on_dark": True}
    (tmp_path / "conversion.json").write_text(json.dumps(conversion))
    assert read_properties(tmp_path)["conversion"] == conversion


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.txt", b"", "has 0 names; write one name per line"),
        ("labels.txt", b"a\nb\x1b[2J\n", "has a control character in"),
        ("labels.txt", "a\n\u202eb\n".encode(), "has a control character in"),
        ("labels.txt", b"1\n0\n" * 50_000, "has 100,000 names"),
        ("labels.txt", b"a\nb\na\n", "has the name 'a' more than once"),
        ("labels.txt", b"a\n\nb", "has an empty line"),
        ("labels.txt", b"\xff\xfe", "cannot be read .*; save it as UTF-8 text"),
        ("labels.txt", "\n".join(map(str, range(257))).encode(), "has 257 names"),
        ("conversion.json", b"{", "cannot be read .*; remove it"),
        ("conversion.json", b'{"framed": 1, "light_on_dark": true}', "must have framed and light"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=f"{name} {message}"):
        read_properties(tmp_path)


def test_each_class_has_a_name():
    assert complete_class_names([], 3) == ["0", "1", "2"]
    assert complete_class_names(["a", "b"], 2) == ["a", "b"]
    with pytest.raises(PipelineError, match="has 2 names, but the labels have 3 classes, 0 to 2"):
        complete_class_names(["a", "b"], 3)


@pytest.mark.parametrize("dataset", ["digits", *CATALOGUE])
def test_known_datasets_have_names(dataset):
    names = known_properties(dataset)["class_names"]
    assert len(names) == len(set(names)) >= 10 and all(names)
