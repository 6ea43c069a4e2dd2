"""Several devices, or several workers, that train one model; what the workers tell each other.

Each holds the whole model and computes its share of every batch; gradients are summed over all of
them, so that all make the same step (Dean et al., 2012, call it synchronous data parallelism).
"""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from src.common.errors import PipelineError

if TYPE_CHECKING:
    import tensorflow as tf

Strategy = Literal["single", "mirrored", "multi_worker"]
JOIN_SECONDS = 600  # so long all workers have to come
PIECE_BYTES = 1 << 22  # of what the chief tells the others
# TensorFlow's errors when another worker does not answer; the others are about this one.
LOST = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError")
NEEDED = (
    "train.strategy is multi_worker, which takes the cluster from TF_CONFIG, the environment "
    "variable that Kubernetes' training operator and Vertex set"
)


@dataclass(frozen=True)
class Worker:
    """A process that takes part in a training.

    Attributes:
        task: its name in the cluster.
        chief: whether it is the one that writes outputs, logs and checkpoints.
        address: of this worker, host:port.
        others: addresses of the other workers.
    """

    task: str
    chief: bool
    address: str = ""
    others: tuple[str, ...] = ()


ALONE = Worker("chief", chief=True)


def this_worker(strategy: Strategy) -> Worker:
    """Who this process is; reads the environment only, so that it can be asked at once.

    Raises:
        PipelineError: ``TF_CONFIG`` is needed, and is missing or names no such worker.
    """
    if strategy != "multi_worker":
        return ALONE
    found = os.environ.get("TF_CONFIG")
    if found is None:
        raise PipelineError(f"{NEEDED}; it is not set; see docs/scale.md, or set it to single")
    try:
        config = json.loads(found)
        jobs, task = config["cluster"], config["task"]
        workers = [(job, i) for job in ("chief", "worker") for i in range(len(jobs.get(job, ())))]
        me = task["type"], int(task["index"])
        if me not in workers:
            raise ValueError(f"{me[0]} {me[1]} is none of its workers")
        others = tuple(jobs[job][i] for job, i in workers if (job, i) != me)
        worker = Worker(f"{me[0]} {me[1]}", me == workers[0], jobs[me[0]][me[1]], others)
        for address in (worker.address, *others):
            _port(address)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PipelineError(f"{NEEDED}; it is {found!r}, which does not fit ({error})") from None
    return worker


def make_strategy(
    strategy: Strategy, device: Literal["cpu", "gpu"], worker: Worker
) -> "tf.distribute.Strategy":
    """The strategy under which variables are made and steps run.

    ``multi_worker`` waits for the other workers, ``JOIN_SECONDS`` at most; it must come before
    anything is computed.
    """
    import tensorflow as tf

    if strategy == "single":
        return tf.distribute.OneDeviceStrategy(f"/{device}:0")
    if strategy == "mirrored":
        devices = tf.config.list_logical_devices(device.upper())
        return tf.distribute.MirroredStrategy([each.name for each in devices])
    communication = tf.distribute.experimental.CommunicationImplementation
    _wait_for_all(worker)
    made = tf.distribute.MultiWorkerMirroredStrategy(
        communication_options=tf.distribute.experimental.CommunicationOptions(
            implementation=communication.NCCL if device == "gpu" else communication.RING
        )
    )
    # TensorFlow takes SIGTERM as a notice to be passed on, and trains on.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return made


def _wait_for_all(worker: Worker) -> None:
    """Wait until every worker listens at its address, or did.

    TensorFlow would wait without end, and neither Ctrl-C nor a timer ends that. A worker that has
    seen all of them leaves its address to TensorFlow, which listens there next.

    Raises:
        PipelineError: some did not come within ``JOIN_SECONDS``, or the own address is taken.
    """
    missing, deadline = list(worker.others), time.monotonic() + JOIN_SECONDS
    print(f"{worker.task}: waiting for {', '.join(missing) or 'nobody'}", flush=True)
    try:
        own = socket.create_server(("", _port(worker.address)), backlog=1000)
    except OSError as error:
        raise PipelineError(
            f"{worker.task} cannot listen at {worker.address}, its address in TF_CONFIG: "
            f"{error.strerror}; give it a free port"
        ) from None
    with own:
        while missing:
            if time.monotonic() > deadline:
                raise PipelineError(
                    f"{', '.join(missing)} did not come within {JOIN_SECONDS} s; start all workers "
                    "of TF_CONFIG, and let each reach the others"
                )
            missing = [address for address in missing if not _listens(address)]
            time.sleep(0.2 if missing else 0)


def _listens(address: str) -> bool:
    try:
        socket.create_connection((address.rsplit(":", 1)[0], _port(address)), 1).close()
    except OSError:
        return False
    return True


def _port(address: str) -> int:
    port = int(address.rsplit(":", 1)[1])
    if not 0 < port < 1 << 16:
        raise ValueError(f"{address} has a port that there is not")
    return port


@contextmanager
def sentence_for_lost_workers(worker: Worker) -> Iterator[None]:
    """Turn what TensorFlow raises when another worker is gone into a sentence."""
    try:
        yield
    except Exception as error:
        # By its name: importing TensorFlow takes seconds, and the block may never get to it.
        lost = type(error).__name__ in LOST or "Collective ops is aborted" in str(error)
        if not (worker.others and lost):
            raise
        reason = str(error).strip().splitlines()[0][:200]
        raise PipelineError(
            f"a worker is gone ({reason}); start all workers again: the training goes on from the "
            "chief's last checkpoint"
        ) from None


def from_chief(
    strategy: "tf.distribute.Strategy", chief: bool, content: bytes | None
) -> bytes | None:
    """What the chief has, on every worker; none if it has nothing.

    Args:
        strategy: of ``multi_worker``.
        chief: whether this worker is.
        content: of the chief; that of the others does not count.
    """
    import numpy as np
    import tensorflow as tf

    def summed(numbers: np.ndarray) -> np.ndarray:
        def part(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            counts = chief and context.replica_id_in_sync_group == 0
            return tf.constant(numbers if counts else np.zeros_like(numbers))

        parts = strategy.experimental_distribute_values_from_function(part)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None).numpy()

    length = int(summed(np.array(len(content or b""), np.float64)))
    mine = np.frombuffer(content, np.uint8) if content and chief else np.zeros(length, np.uint8)
    pieces = [
        # As floats, which every device and network can sum, and which hold a byte exactly.
        summed(mine[first : first + PIECE_BYTES].astype(np.float32)).astype(np.uint8)
        for first in range(0, length, PIECE_BYTES)
    ]
    return b"".join(pieces) if length else None
