"""The command that finds runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def find(checkout):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "src.tracking.find", *words],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    return run


def test_runs_are_found_by_experiment_recipe_and_id(
    client, folder, find, log_training, log_results, make_evaluation, runs_of, monkeypatch
):
    monkeypatch.setenv("DVC_EXP_NAME", "bold-move")
    log_training(folder)
    make_evaluation({"cnn": 0.9132})
    log_results()
    run_id = runs_of(client)[0].info.run_id
    for what, search in {
        "bold-move": "tags.dvc_exp = 'bold-move'",
        "cnn": "tags.recipe = 'cnn'",
        run_id: f"attributes.run_id LIKE '{run_id}%'",
        run_id[:8]: f"attributes.run_id LIKE '{run_id[:8]}%'",
    }.items():
        done = find(what)
        assert done.stdout.endswith(f"Search for these runs in the UI: {search}\n")
        assert done.returncode == 0, done.stderr
        for word in (run_id, "cnn", "finished", "0.9000", "0.9132", "bold-move"):
            assert word in done.stdout


def test_what_is_not_found_is_one_sentence(client, find):
    for words, sentence in (
        ((), "error: name a DVC experiment"),
        (("none",), "commit or run 'none'"),
    ):
        done = find(*words)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert sentence in line


def test_neither_passwords_nor_escape_codes_of_a_server_are_printed(
    find, web_server, free_port, monkeypatch
):
    def respond(handler):
        body = json.dumps({"error_code": "BAD_REQUEST", "message": "\x1b[2Jred\x9b"}).encode()
        handler.send_response(400, "\x1b[31mreason")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with web_server(respond, respond) as address:
        for uri, shown in (
            (address.replace("//", "//someone:secret@"), r"\x1b[2Jred\x9b"),
            (f"http://someone:se/cret@127.0.0.1:{free_port()}", ""),
            (f"postgresql://someone:se/cret@127.0.0.1:{free_port()}/db", "refused"),
            ("postgresql://someone:se/cret@/db?password=secret", ""),
        ):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
            done = find("cnn")
            (line,) = done.stderr.splitlines()
            assert line.startswith("error: MLflow at ") and line.isprintable()
            assert shown in line
            assert "cret" not in line and "someone" not in line and "se/" not in line
            assert done.stdout == ""


def test_escape_codes_of_a_run_are_not_printed(client, folder, find, log_training, runs_of):
    log_training(folder)
    (run,) = runs_of(client)
    client.set_tag(run.info.run_id, "mlflow.runName", "\x1b[2Jname [red]")
    done = find("cnn")
    assert r"\x1b[2Jname [red]" in done.stdout
    assert "\x1b" not in done.stdout
