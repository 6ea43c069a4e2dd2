"""Faults in what the programs get: images, requests, and data that change between two sweeps."""

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.apps import demo
from src.ingest import catalog, digits
from src.models import artifacts
from src.pictures import decode
from src.pictures.decode import PictureError

ROOT = Path(__file__).parents[2]

# Six threads decode an image of 16 bits; print how much memory, in MB, was added at the peak.
SIX_AT_ONCE = """
import sys, threading
from pathlib import Path
from src.pictures.decode import decode

def memory(field):
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1000

content = Path(sys.argv[1]).read_bytes()
before = memory("VmRSS")
threads = [threading.Thread(target=decode, args=(content, "it", 1000)) for _ in range(6)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(memory("VmHWM") - before)
"""


# A program that is killed before it moves the second of the new files.
KILLED_IMPORT = """
import os, signal
from src.apps import import_images
from src.ingest import catalog

def move(source, target):
    if target == import_images._options().into / catalog.TEST_IMAGES:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

replace, os.replace = os.replace, move
import_images.main()
"""


@pytest.mark.fault(
    "A PNG file of 172 kB with 88 million pixels; six large images at once",
    sees="`… has more than 64 million pixels; use a smaller image`",
    then="it is not decoded; other large images are decoded one at a time, with less than 700 MB",
)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_images_in_several_threads_need_the_memory_of_one(tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.zeros((4000, 4000), np.uint16)).save(path)
    command = [sys.executable, "-c", SIX_AT_ONCE, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert float(done.stdout) < 5 * 16  # MB: less than 5 bytes per pixel


@pytest.fixture(scope="module")
def port():
    """The port of a server of the demo without models."""
    names = {"name": "local", "class_names": [], "height": 1, "width": 1}
    dataset = names | {"conversion": {"center_like_mnist": False}}
    server = demo.server(demo.make_app(demo.Answers([], dataset, None), ["127.0.0.1"]))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def status(port):
    """Return the status of a response to a complete request."""

    def get() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/models", timeout=60) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    return get


HEADERS = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


@pytest.mark.fault(
    "A client of the demo leaves before it has sent its image",
    sees="nothing",
    then="the image is not predicted",
)
def test_a_client_that_leaves_prints_nothing(port, status, capfd, caplog):
    for content in (b"", b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(HEADERS + b"Content-Length: 9999999\r\n\r\n" + content)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            chunk = b"%x\r\n%s\r\n" % (len(content) + 1, content + b"x")
            connection.sendall(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    time.sleep(0.5)
    assert status() == 200
    assert caplog.text == "" and capfd.readouterr() == ("", "")


@pytest.mark.fault(
    "A JPEG file of 488 kB with 2,000 scans, which takes two minutes to decode",
    sees="`… has more than 100 scans; save it again`",
    then="it is not decoded",
)
def test_a_jpeg_file_with_many_scans_is_refused():
    file = BytesIO()
    Image.new("L", (64, 64)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content[content.rindex(decode.SCAN) : -2]
    assert decode.decode(content, "it", 10)[1] == "64×64"
    with pytest.raises(PictureError, match="it has more than 100 scans; save it again"):
        decode.decode(content[:-2] + 100 * last + content[-2:], "it", 10)


@pytest.mark.fault(
    "An import with `--replace` is killed or fails while it moves files; two imports into one "
    "folder at the same time",
    sees="`error: the files of … were not replaced completely, and the old ones are in …`; "
    "`error: another process writes to …; wait until it ends …`",
    then="no import deletes the old files until they are moved back, or deleted by the user",
)
def test_an_import_that_is_killed_while_it_replaces_files_keeps_the_old_ones(
    tmp_path, pictures, shell
):
    into = tmp_path / "into"
    for index, name in enumerate(catalog.NAMES):
        into.mkdir(exist_ok=True)
        (into / name).write_bytes(bytes([index]))
    words = ["-m", "src.apps.import_images", str(pictures), "--into", str(into), "--replace"]
    command, root = [sys.executable, *words], {"PYTHONPATH": str(ROOT)}
    killed = [sys.executable, "-c", KILLED_IMPORT, *words[2:]]
    assert shell(killed, tmp_path, fails=True, **root).returncode == -signal.SIGKILL
    for _ in range(2):
        error = shell(command, tmp_path, fails=True, **root).stderr
        assert "were not replaced completely, and the old ones are in" in error
    kept = into / ".into.partial/old"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        name: bytes([index]) for index, name in enumerate(catalog.NAMES)
    }


@pytest.mark.slow
@pytest.mark.fault(
    "All files in `data/incoming` are replaced between two equal sweeps",
    sees="`… trials, 0 of them already done`",
    then="the trials run again, on the new images",
)
@pytest.mark.make_faults
def test_a_sweep_after_a_change_of_the_data_uses_the_new_images(
    tmp_path, new_checkout, shell, edit_params, write_set
):
    checkout = new_checkout(tmp_path / "checkout")
    edit_params(checkout, model="softmax_normal", data__dataset="local")
    shell(["git", "commit", "-qam", "A dataset in data/incoming"], checkout)
    images, labels = digits.digits()
    command = [sys.executable, "-m", "src.apps.sweep", "--workers", "1"]
    command += ["-S", "recipes.yaml:softmax_normal.epochs=1"]
    names, digests = set(), set()
    for first in (0, 100):
        contents = (images[first:1400], labels[first:1400], images[1400:], labels[1400:])
        write_set(checkout / "data/incoming", dict(zip(catalog.NAMES, contents, strict=True)))
        assert "1 trials, 0 of them already done" in shell(command, checkout).stdout
        listed = shell(["dvc", "exp", "list", "--name-only"], checkout).stdout.split()
        (new,) = set(listed) - names
        names.add(new)
        shell(["dvc", "exp", "apply", new], checkout)
        record = artifacts.load_record(checkout / "models/softmax/softmax_normal")
        digests.add(record["dataset"]["digest"])
        shell(["git", "checkout", "-q", "."], checkout)
    assert len(digests) == 2
