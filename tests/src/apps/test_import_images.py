"""The program that imports folders of images."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.apps import import_images
from src.ingest import catalog, idx
from tests.fixtures.image_folders import NAMES

ROOT = Path(__file__).parents[3]


@pytest.fixture
def program(tmp_path, monkeypatch, capsys):
    """Run the program in an empty folder; return its standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["import_images", *map(str, arguments)])
        import_images.main()
        return capsys.readouterr()

    return run


def test_the_summary_shows_classes_and_the_next_command(program, pictures):
    output, errors = program("pictures")
    for number, name in enumerate(NAMES):
        assert re.search(rf"^ +{number} +8 +2 +{re.escape(name)}$", output, re.M)
    assert "40 training and 10 test images of 28×28, 5 classes" in output
    assert output.endswith("next: dvc exp run -S data.dataset=local -S model=own_images\n")
    assert idx.read_header(Path("data/incoming") / catalog.TRAIN_IMAGES) == (40, 28, 28)
    assert errors == ""
    with Image.open("out/imported.png") as sheet:
        assert sheet.width > 500 and sheet.height > 300


def drawing(side=100):
    image = np.full((side, side), 240, np.uint8)
    image[side // 5 : -side // 5, side // 2 : side // 2 + 6] = 30
    return Image.fromarray(image)


def test_the_program_proposes_to_center_drawings(program, pictures, tmp_path):
    assert "--center" not in program("pictures")[0]
    for path in pictures.rglob("*.*"):
        drawing().save(path)
    output, _ = program("pictures", "--replace", "--size", "32")
    again = "python -m src.apps.import_images pictures --size 32 --center --replace"
    assert f"drawings; without --center, ink on paper is read wrongly:\n  {again}" in output
    assert "centered" not in program(*again.split()[3:])[0]


@pytest.mark.parametrize(("largest", "bits"), [(255, 8), (1000, 10), (4095, 12), (65535, 16)])
def test_images_of_16_bits_are_scaled_by_the_largest_value_of_all(program, pictures, largest, bits):
    for number, path in enumerate(sorted(pictures.rglob("*.png"))):
        levels = np.full((9, 12), largest // (2 if number else 1), np.uint16)
        levels[:, :6] = 0
        Image.fromarray(levels).save(path)
    output, _ = program("pictures", "--size", "12x9")
    assert f"images of 16 bits: {bits} bits are used" in output
    assert json.loads(Path("data/incoming/conversion.json").read_text())["bits"] == bits
    assert idx.read(Path("data/incoming") / catalog.TRAIN_IMAGES).max() in range(248, 256)


@pytest.mark.parametrize("size", ["12x9", "12X9", "12×9"])
def test_options_are_used(program, pictures, size):
    program("pictures", "--size", size, "--center", "--test-fraction", "0.5", "--into", "own")
    assert idx.read_header(Path("own") / catalog.TEST_IMAGES) == (25, 9, 12)
    assert '"center_like_mnist": true' in Path("own/conversion.json").read_text()


def test_long_lists_are_shortened(program, pictures):
    for i in range(30):
        (pictures / f"9/broken{i:02}.png").touch()
    (pictures / "9/\x1b[2J.png").touch()
    (pictures / "stray.png").touch()
    output, errors = program("pictures", "--size", "2")
    assert output.startswith(" class  train  test")
    assert "warning: 31 skipped images:" in errors and "… and 11 more" in errors
    assert "  pictures/9/broken18.png is an empty file" in errors and "broken19" not in errors
    assert r"pictures/9/\x1b[2J.png is an empty file" in errors and "\x1b" not in errors
    assert errors.endswith("1 files in no class folder, or without the suffix of an image:\n"
                           "  pictures/stray.png\n")  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--size 0", "'0' is not a size such as 28x28, with 1 to 512"),
        ("--size 513x9", "is not a size"),
        ("--test-fraction nan", "nan is not between 0 and 1"),
        ("--transpose", "--test, --label and --transpose are for tables"),
    ],
)
def test_other_values_are_refused(program, capsys, options, message):
    with pytest.raises(SystemExit):
        program("pictures", *options.split())
    assert message in capsys.readouterr().err


def test_ctrl_c_leaves_nothing(tmp_path, pictures, environment):
    noise = np.random.default_rng(0).integers(0, 256, (600, 600), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png", compress_level=1)
    for i in range(2000):
        os.link(tmp_path / "large.png", pictures / f"9/large{i}.png")
    process = subprocess.Popen(
        [sys.executable, "-m", "src.apps.import_images", str(pictures)],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        # A background process of a script ignores Ctrl-C, and its children inherit this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    partial = f".partial-*/{catalog.TRAIN_IMAGES}"
    while not [*(tmp_path / "data/incoming").glob(partial)]:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and list((tmp_path / "data/incoming").iterdir()) == []
    assert errors.startswith("interrupted: ") and "Traceback" not in errors


def test_tables_are_imported(program, tmp_path):
    rows = [f"{label},{number},9,9,200" for number in range(4) for label in "ab"]
    for name in ("train.csv", "TEST.CSV"):
        (tmp_path / name).write_text("\n".join(["name,p,q,r,s", *rows]))
    options = "--test", "TEST.CSV", "--label", "name", "--transpose", "--size", "1x4"
    output, errors = program("train.csv", *options)
    assert "8 training and 8 test images of 1×4, 2 classes" in output and errors == ""
    assert Path("data/incoming/labels.txt").read_text() == "a\nb\n"
    images = idx.read(Path("data/incoming") / catalog.TEST_IMAGES)
    assert images[2].ravel().tolist() == [1, 9, 9, 200]
