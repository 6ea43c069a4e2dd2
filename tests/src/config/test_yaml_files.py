"""YAML is read as DVC reads it."""

import pytest
from dvc.utils.serialize import loads_yaml

from src.config.yaml_files import read_yaml


@pytest.mark.parametrize("text", ["1e-05", "1e5", ".5", "+.5", "012", "0o17", "1:30", "yes", "~"])
def test_a_value_is_the_one_that_dvc_reads(text):
    expected = loads_yaml(f"a: {text}")["a"]
    assert read_yaml(f"a: {text}") == {"a": expected}
    assert type(read_yaml(text)) is type(expected)


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: 1\na: 2", "d: 2020-99-99", "[" * 5000, '"\\xZZ"', "\0", "a: !!python/name:os.x"],
)
def test_other_texts_are_errors_of_one_line(text):
    with pytest.raises(ValueError) as error:
        read_yaml(text)
    assert "\n" not in str(error.value) and str(error.value)
