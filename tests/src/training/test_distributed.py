"""Who is who among workers, and the sentences about them."""

import json

import pytest
import tensorflow as tf

from src.common.errors import PipelineError
from src.training.distributed import ALONE, Worker, sentence_for_lost_workers, this_worker

CLUSTER = {"worker": ["a:1", "b:1", "c:1"]}
WITH_CHIEF = {"chief": ["z:1"], **CLUSTER}


def config(kind, index, cluster=CLUSTER):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("strategy", ["single", "mirrored"])
def test_one_machine_needs_no_cluster(monkeypatch, strategy):
    monkeypatch.setenv("TF_CONFIG", "rubbish")
    assert this_worker(strategy) == ALONE


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (config("worker", 0), Worker("worker 0", True, "a:1", ("b:1", "c:1"))),
        (config("worker", "2"), Worker("worker 2", False, "c:1", ("a:1", "b:1"))),
        (config("chief", 0, WITH_CHIEF), Worker("chief 0", True, "z:1", ("a:1", "b:1", "c:1"))),
        (config("worker", 0, WITH_CHIEF), Worker("worker 0", False, "a:1", ("z:1", "b:1", "c:1"))),
    ],
)  # fmt: skip
def test_the_first_worker_is_the_chief_if_no_other_is(monkeypatch, found, expected):
    monkeypatch.setenv("TF_CONFIG", found)
    assert this_worker("multi_worker") == expected


NOBODY = [config("worker", 3), config("ps", 0), config("worker", None)]
NOBODY += [config("worker", 0, {"worker": workers}) for workers in (["a", "b:1"], ["a:65536"])]


@pytest.mark.parametrize("found", ["", "rubbish", "[]", "{}", *NOBODY])
def test_a_cluster_that_does_not_fit_is_a_sentence(monkeypatch, found):
    monkeypatch.setenv("TF_CONFIG", found)
    with pytest.raises(PipelineError, match=r"TF_CONFIG.*which does not fit"):
        this_worker("multi_worker")


def test_a_missing_cluster_is_a_sentence(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(PipelineError, match=r"it is not set; see docs/scale\.md"):
        this_worker("multi_worker")


def test_only_among_workers_some_of_tensorflows_errors_mean_that_one_is_gone():
    error = tf.errors.UnavailableError(None, None, "Connection reset by peer\nmore")
    among = Worker("worker 0", True, "a:1", ("b:1",))
    sentence = r"a worker is gone \(Connection reset by peer\); start"
    with pytest.raises(PipelineError, match=sentence), sentence_for_lost_workers(among):
        raise error
    with pytest.raises(tf.errors.UnavailableError), sentence_for_lost_workers(ALONE):
        raise error
    own = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    for fault in (own, KeyError("a")):
        with pytest.raises(type(fault)), sentence_for_lost_workers(among):
            raise fault
