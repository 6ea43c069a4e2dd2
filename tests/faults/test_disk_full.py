"""Each stage runs on a full disk: a small file system that is filled completely."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
OUTPUTS = {
    "download": "data/raw",
    "preprocess": "data/processed",
    "plan": "data/plan",
    "train@mlp": "models/mlp",
    "evaluate": "data/predictions",
    "compare": "metrics/comparison.csv",
}


@pytest.fixture
def small_disk(results_there):
    """Return a checkout with ``data``, ``models``, ``plots`` and ``metrics`` on small disks."""
    mounted = []
    try:
        for name in ("data", "models", "plots", "metrics"):
            place = results_there / name
            kept = place.rename(results_there.parent / f"kept {name}")
            place.mkdir()
            mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
            if subprocess.run(mount, capture_output=True).returncode:
                pytest.skip("no file system can be mounted here")
            mounted.append(place)
            subprocess.run(["cp", "-a", f"{kept}/.", str(place)], check=True)
        yield results_there
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


def fill(folder: Path) -> None:
    """Use all space of the file system of a folder."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def contents(folder: Path) -> list[tuple[str, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((str(path), path.stat().st_size) for path in files)


@pytest.mark.fault(
    "The disk is full, in each stage",
    sees="`error: No space left on device (…); free space or allow access, then run dvc repro`",
    then="no incomplete output is kept; with free space, `dvc repro` finishes",
)
@pytest.mark.parametrize("stage", [*OUTPUTS][::-1])
@pytest.mark.first_cases(1)
def test_a_full_disk(small_disk, shell, recovers, stage):
    output = small_disk / OUTPUTS[stage]
    before = contents(output)
    for name in ("data", "models", "plots", "metrics"):
        fill(small_disk / name)
    words = stage.split("@")
    done = shell(["python", "-m", f"stages.{words[0]}", *words[1:]], small_disk, fails=True)
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    after = contents(output)
    assert after == before
    for name in ("data", "models", "plots", "metrics"):
        (small_disk / name / "filler").unlink()
    recovers(small_disk)
