"""Workers are read from TF_CONFIG, and lost connections are errors with a message."""

import json

import pytest

from src.common.errors import PipelineError
from src.common.tensorflow import tf
from src.training.distributed import (
    SINGLE_WORKER,
    Worker,
    lost_connection_as_error,
    this_worker,
)

CLUSTER = {"worker": ["a:1", "b:1", "c:1"]}
WITH_CHIEF = {"chief": ["z:1"], **CLUSTER}


def config(kind, index, cluster=CLUSTER):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("strategy", ["single", "mirrored"])
def test_one_machine_needs_no_cluster(monkeypatch, strategy):
    monkeypatch.setenv("TF_CONFIG", "invalid")
    assert this_worker(strategy) == SINGLE_WORKER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (config("worker", 0), Worker(True, "a:1", ("b:1", "c:1"))),
        (config("worker", "2"), Worker(False, "c:1", ("a:1", "b:1"))),
        (config("chief", 0, WITH_CHIEF), Worker(True, "z:1", ("a:1", "b:1", "c:1"))),
        (config("worker", 0, WITH_CHIEF), Worker(False, "a:1", ("z:1", "b:1", "c:1"))),
    ],
)
def test_the_first_worker_is_the_chief_if_no_other_is(monkeypatch, text, expected):
    monkeypatch.setenv("TF_CONFIG", text)
    assert this_worker("multi_worker") == expected


INVALID = ["", "{}", config("worker", 3), config("ps", 0), config("worker", 0, {"worker": ["a"]})]


@pytest.mark.parametrize("text", [None, *INVALID])
def test_a_missing_or_invalid_cluster_is_an_error(monkeypatch, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    message = r"TF_CONFIG; its value is invalid \(.*\): .*; see docs/scale\.md"
    with pytest.raises(PipelineError, match=message):
        this_worker("multi_worker")


def test_connection_errors_between_workers_have_a_message_and_other_errors_do_not_change():
    error = tf.errors.UnavailableError(None, None, "Connection reset by peer\nmore")
    worker = Worker(True, "a:1", ("b:1",))
    message = r"lost connection to a worker \(Connection reset by peer\); start"
    with pytest.raises(PipelineError, match=message), lost_connection_as_error(worker):
        raise error
    with pytest.raises(tf.errors.UnavailableError), lost_connection_as_error(SINGLE_WORKER):
        raise error
    other = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    for each in (other, KeyError("a")):
        with pytest.raises(type(each)), lost_connection_as_error(worker):
            raise each
