"""What several test modules share: tiny real data, and a checkout to run the pipeline in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest_plugins = [
    "tests.fixtures.checkout",
    "tests.fixtures.idx_files",
    "tests.fixtures.image_folders",
    "tests.fixtures.servers",
    "tests.fixtures.trainings",  # first: the next one imports it
    "tests.fixtures.training",
]


# The files that take longest, in the order in which they begin. While one process makes the trained
# checkout for the first, another one runs the second, which does not need it.
LONGEST = (
    *("test_other_machine.py", "test_scale.py", "test_minimal_example.py", "test_use.py"),
    *("test_server.py", "test_trainer.py", "test_own_images.py", "test_killed.py"),
    *("test_first_run.py", "test_sharing.py", "test_pipeline.py", "test_train.py"),
    *("test_tracking.py", "test_bad_data.py", "test_ui.py", "test_seeds.py", "test_originals.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that all processes end at about the same time."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,437 training images of digits: ``uint8 [N, 28, 28]`` and labels ``uint8 [N]``."""
    from src.ingest import digits

    images, labels = digits.digits()
    return images[:1437], labels[:1437]


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    """A model that fits what ``tests.trainings`` says of it."""
    from src.common.tensorflow import keras
    from tests.fixtures.trainings import CLASSES, HEIGHT, WIDTH

    path = tmp_path_factory.mktemp("model") / "model.keras"
    layers = [
        keras.Input((HEIGHT, WIDTH), dtype="uint8"),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Flatten(),
        keras.layers.Dense(CLASSES),
    ]
    keras.Sequential(layers).save(path)
    return path


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment for processes of the pipeline: this Python first, nothing of DVC's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    kept.pop("MLFLOW_TRACKING_URI", None)
    for role in ("AUTHOR", "COMMITTER"):
        kept |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.org"}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.fixture(scope="session")
def shell(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a folder; its output is text, and a failure fails the test."""

    def run(
        command: list[str], folder: Path, fails: bool = False, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no chromium on the PATH to open the page with")
    sync_api = pytest.importorskip("playwright.sync_api")
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-sync", *quiet]
        )
        yield browser
        browser.close()
