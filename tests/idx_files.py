"""Small IDX data sets, and a web server that plays mirrors, for the tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from src import datasets, idx
from src.files import sha256
from tests.servers import Handler, web_server

Response = tuple[int, bytes]


def arrays(
    train: int = 50, test: int = 20, height: int = 4, width: int = 6, classes: int = 3
) -> dict[str, np.ndarray]:
    """Random images and labels that go round the classes, by the canonical names without .gz."""
    random = np.random.default_rng(0)
    return {
        datasets.TRAIN_IMAGES: random.integers(0, 256, (train, height, width), np.uint8),
        datasets.TRAIN_LABELS: (np.arange(train) % classes).astype(np.uint8),
        datasets.TEST_IMAGES: random.integers(0, 256, (test, height, width), np.uint8),
        datasets.TEST_LABELS: (np.arange(test) % classes).astype(np.uint8),
    }


def write_set(folder: Path, contents: dict[str, np.ndarray], ending: str = ".gz") -> dict[str, str]:
    """Write arrays as IDX files into a folder; return the SHA-256 of each by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        idx.write(folder / f"{name}{ending}", content)
    return {f"{name}{ending}": sha256(folder / f"{name}{ending}") for name in contents}


def data_params(**changes: object) -> SimpleNamespace:
    """The ``data:`` block of the parameters: no source at all, unless changed."""
    values = {"dataset": "mnist", "folders": [], "mirrors": [], "fallback": "none"}
    return SimpleNamespace(**{**values, **changes})


@contextmanager
def mirror(
    respond: Callable[[str], Response], claim_bytes: int | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A web server on localhost; yields its base URL and the list of names it was asked for.

    Args:
        respond: status and body for a file's name.
        claim_bytes: a content length to announce instead of the true one.
    """
    asked: list[str] = []

    def get(handler: Handler) -> None:
        name = handler.path.rsplit("/", 1)[-1]
        asked.append(name)
        status, body = respond(name)
        handler.send_response(status)
        handler.send_header("Content-Length", str(claim_bytes or len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with web_server(get) as address:
        yield f"{address}/data", asked
