"""Names of output files never collide with one another or with an input."""

import os
from pathlib import Path

import pytest

from src.apps.output_names import output_paths


def names(folder: Path, stems: list[str], inputs: list[Path] = ()) -> list[str]:
    return [path.name for path in output_paths(folder, stems, inputs)]


def test_the_name_shows_the_input(tmp_path):
    assert names(tmp_path, ["7", "test image 3"]) == [
        "7-prediction.png",
        "test-image-3-prediction.png",
    ]


@pytest.mark.parametrize("stems", [["1", "1", "1"], ["a b", "a-b"], ["Ä", "ä"], ["x" * 300] * 2])
def test_equal_names_get_numbers(tmp_path, stems):
    found = names(tmp_path, stems)
    assert len({name.casefold() for name in found}) == len(stems)
    assert found[1].endswith("-prediction-2.png")
    for name in found:
        (tmp_path / name).touch()


def test_an_input_is_never_an_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out/1-prediction.png").touch()
    Path("same").symlink_to("out")
    Path("link.png").symlink_to("out/1-prediction.png")
    Path("loop.png").symlink_to("loop.png")
    for given in ("out/1-prediction.png", "same/../out/1-prediction.png", "link.png"):
        (path,) = output_paths(Path("same"), ["1"], [Path(given), Path("loop.png")])
        assert path.name == "1-prediction-2.png"
    (path,) = output_paths(Path("out"), ["1"], [tmp_path / "out/1-PREDICTION.png"])
    assert path.name == "1-prediction-2.png"


def test_the_files_of_an_earlier_call_are_used_again(tmp_path):
    (tmp_path / "7-prediction.png").touch()
    assert names(tmp_path, ["7"]) == ["7-prediction.png"]
    assert os.listdir(tmp_path) == ["7-prediction.png"]
