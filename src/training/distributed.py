"""Synchronous data parallelism: several devices or workers train one model.

Each replica has a complete copy of the model and computes the gradients of its part of every batch.
The gradients of all replicas are summed, so all replicas make the same step.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from src.common.errors import PipelineError
from src.common.machine import listen

if TYPE_CHECKING:
    import tensorflow as tf

Strategy = Literal["single", "mirrored", "multi_worker"]
JOIN_SECONDS = 600  # the time in which all workers must start
# TensorFlow's errors when it loses the connection to another worker.
CONNECTION_ERRORS = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")


@dataclass(frozen=True)
class Worker:
    """A process of a training."""

    chief: bool = True  # whether it writes outputs, logs and checkpoints
    address: str = ""  # host:port
    others: tuple[str, ...] = ()  # addresses of the other workers


SINGLE_WORKER = Worker()


def this_worker(strategy: Strategy) -> Worker:
    """Return the worker that ``TF_CONFIG`` describes; this does not import TensorFlow.

    Raises:
        PipelineError: ``TF_CONFIG`` is needed, and is missing or invalid.
    """
    if strategy != "multi_worker":
        return SINGLE_WORKER
    text = os.environ.get("TF_CONFIG", "not set")
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        names = [(job, i) for job in ("chief", "worker") for i in range(len(jobs.get(job, ())))]
        addresses = [jobs[job][i] for job, i in names]
        position = names.index((task["type"], int(task["index"])))
        for address in addresses:
            _host_and_port(address)
        address = addresses.pop(position)
        return Worker(position == 0, address, tuple(addresses))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PipelineError(
            "train.strategy is multi_worker, which needs the cluster in the environment variable "
            f"TF_CONFIG; its value is invalid ({error}): {text}; see docs/scale.md, or set "
            "train.strategy to single"
        ) from None


@cache  # TensorFlow allows one strategy of several workers in a process
def make_strategy(
    strategy: Strategy, device: Literal["cpu", "gpu"], worker: Worker
) -> "tf.distribute.Strategy":
    """Create the strategy; call this before TensorFlow computes anything.

    With ``multi_worker``, wait for the other workers, at most ``JOIN_SECONDS``.
    """
    from src.common.tensorflow import tf

    if strategy == "single":
        return tf.distribute.OneDeviceStrategy(f"/{device}:0")
    if strategy == "mirrored":
        devices = tf.config.list_logical_devices(device.upper())
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    _wait_for_all(worker)
    experimental = tf.distribute.experimental
    kind = experimental.CommunicationImplementation("NCCL" if device == "gpu" else "RING")
    options = experimental.CommunicationOptions(implementation=kind)
    multi_worker = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    # TensorFlow handles SIGTERM as a preemption notice, and continues the training.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return multi_worker


def _wait_for_all(worker: Worker) -> None:
    """Wait until every other worker has listened at its address at least once.

    TensorFlow itself would wait forever, without a reaction to Ctrl-C. After this function has
    returned, TensorFlow listens at the address of this worker.
    """
    missing, deadline = list(worker.others), time.monotonic() + JOIN_SECONDS
    print(f"{worker.address}: waiting for {', '.join(missing) or 'no other worker'}", flush=True)
    with listen("", _host_and_port(worker.address)[1], "change it in TF_CONFIG"):
        while missing and time.monotonic() < deadline:
            missing = [address for address in missing if not _listens(address)]
            time.sleep(0.2)
    if missing:
        raise PipelineError(
            f"no worker at {', '.join(missing)} within {JOIN_SECONDS} s; start all workers of "
            "TF_CONFIG, and allow connections between them"
        )


def _listens(address: str) -> bool:
    with suppress(OSError), socket.create_connection(_host_and_port(address), timeout=1):
        return True
    return False


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not 0 < int(port) < 1 << 16:
        raise ValueError(f"{address} has an invalid port")
    return host, int(port)


@contextmanager
def lost_connection_as_error(worker: Worker) -> Iterator[None]:
    """Raise a ``PipelineError`` if TensorFlow loses the connection to another worker."""
    try:
        yield
    except Exception as error:
        # By name, because the block may fail before it imports TensorFlow, which takes seconds.
        lost = type(error).__name__ in CONNECTION_ERRORS
        if not worker.others or not (lost or "Collective ops is aborted" in str(error)):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise PipelineError(
            f"lost connection to a worker ({reason}); start all workers again: the training "
            "resumes from the last checkpoint of the chief"
        ) from None


def broadcast_from_chief(
    strategy: "tf.distribute.Strategy", chief: bool, content: bytes | None
) -> bytes | None:
    """Return the chief's content on every worker; None if it is None or empty.

    The content of the other workers is ignored. The strategy is ``multi_worker``.
    """
    import numpy as np

    from src.common.tensorflow import tf

    # As int32, because not all devices can send bytes.
    sent = np.frombuffer((chief and content) or b"", np.uint8).astype(np.int32)

    def value(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        return tf.constant(sent if context.replica_id_in_sync_group == 0 else sent[:0])

    values = strategy.experimental_distribute_values_from_function(value)
    return strategy.gather(values, axis=0).numpy().astype(np.uint8).tobytes() or None
