"""A stage never waits for the process that logs, except for a limited time at its end."""

import json
import time
from pathlib import Path
from queue import SimpleQueue

import pytest

from src.tracking import __main__ as process
from src.tracking import store, sync

STOP = (
    "[time.sleep(0.1) for _ in iter(lambda: os.path.exists('go'), True)]; "
    "subprocess.run(['pkill', '-STOP', '-P', str(os.getpid()), '-f', 'src.tracking']); "
    "tracking.background.LIMIT = 2; "
    "rows = [{'step': 1, 'loss': 2.4, 'val_loss': 2.3, 'val_accuracy': 0.1, "
    "'learning_rate': 0.01, 'at': 1.7e9}] * 1000; "
    "[log('rows', rows=rows) for _ in range(300)]"
)
WARNING = (
    "warning: logging to MLflow stopped early; `make send` logs what is missing; no other result "
    "is affected\n"
)


def messages(*sent):
    lines = SimpleQueue()
    for each in (*map(json.dumps, sent), None):
        lines.put(each)
    return list(process.merged(lines))


@pytest.mark.parametrize("moment", ["before it connects", "while it logs"])
def test_a_stopped_process_does_not_hold_up_the_stage(
    client, checkout, stage, runs_of, moment, monkeypatch, capfd
):
    before = time.time()
    stopped = stage(STOP)
    deadline = time.monotonic() + 60
    while moment == "while it logs" and not runs_of(client) and time.monotonic() < deadline:
        time.sleep(0.1)
    Path("go").touch()
    # A deadline: the 300,000 rows do not fit into the pipe, so waiting for the process never ends.
    assert stopped.communicate(timeout=120)[0] == WARNING
    assert stopped.returncode == 0
    (path,) = checkout.glob("logs/trainings/*.json")
    note = json.loads(path.read_text())
    assert before < note["start"] < note["end"] < time.time()
    sync.main()
    (run,) = runs_of(client)  # not that of the stopped process
    assert run.info.status == "FINISHED"
    assert run.info.start_time == int(1000 * note["start"])
    assert run.info.end_time == int(1000 * note["end"])
    assert run.data.metrics["training_seconds"] == 4.5


def test_waiting_rows_are_one_message():
    assert messages(["begin", {"a": 1}], *[["rows", {"rows": [n]}] for n in range(3)]) == [
        ("begin", {"a": 1}),
        ("rows", {"rows": [0, 1, 2]}),
    ]
    assert messages() == []


def test_the_end_of_a_training_replaces_waiting_rows():
    assert messages(["begin", {}], ["rows", {"rows": [1]}], ["end", {"b": 2}]) == [
        ("begin", {}),
        ("end", {"b": 2}),
    ]


def test_a_database_that_never_answers_is_given_up(mute, checkout, monkeypatch):
    monkeypatch.setattr(store, "RESPONSE_SECONDS", 0.5)
    with pytest.raises(TimeoutError, match=r"no response within 0\.5 s"):
        store.connect(mute.replace("http", "postgresql"))


def test_a_server_that_sends_single_bytes_is_given_up(web_server, checkout, monkeypatch):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.1)

    monkeypatch.setattr(store, "RESPONSE_SECONDS", 1)
    with (
        web_server(drip, drip) as address,
        pytest.raises(TimeoutError, match="no response within 1 s"),
    ):
        store.connect(address)
