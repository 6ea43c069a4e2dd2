"""Several devices, or several workers, that train one model; what the workers tell each other.

Each holds the whole model and computes its share of every batch; gradients are summed over all of
them, so that all make the same step (Dean et al., 2012, call it synchronous data parallelism).
"""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from src.errors import PipelineError

if TYPE_CHECKING:
    import tensorflow as tf

Strategy = Literal["single", "mirrored", "multi_worker"]
JOIN_SECONDS = 600  # so long all workers have to come
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
        others: addresses of the other workers.
    """

    task: str
    chief: bool
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
        others = tuple(jobs[job][i] for job, i in workers if (job, i) != me)
        if me not in workers or not all(":" in address for address in others):
            raise ValueError(f"task {me} is none of the workers {workers}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{NEEDED}; it is {found!r}, which does not fit ({error})") from None
    return Worker(f"{me[0]} {me[1]}", me == workers[0], others)


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
    with _waiting(worker):
        return tf.distribute.MultiWorkerMirroredStrategy(
            communication_options=tf.distribute.experimental.CommunicationOptions(
                implementation=communication.NCCL if device == "gpu" else communication.RING
            )
        )


@contextmanager
def _waiting(worker: Worker) -> Iterator[None]:
    """TensorFlow waits for the other workers in C++, which neither Ctrl-C nor an error ends."""

    def give_up() -> None:
        sentence = f"error: not all workers came within {JOIN_SECONDS} s; start all of them\n"
        os.write(2, sentence.encode())
        os._exit(1)

    timer = threading.Timer(JOIN_SECONDS, give_up)
    timer.daemon = True
    handled = signal.signal(signal.SIGINT, signal.SIG_DFL)
    print(f"{worker.task}: waiting for {', '.join(worker.others) or 'nobody'}", flush=True)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handled)
        # TensorFlow takes SIGTERM as a notice to be passed on, and goes on.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def own_rows(batch: int) -> "tuple[tf.Tensor, tf.Tensor]":
    """Within a step: the first row, and the end, of this replica's share of a batch."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    replica, count = (
        tf.cast(context.replica_id_in_sync_group, tf.int32),
        context.num_replicas_in_sync,
    )
    return replica * batch // count, (replica + 1) * batch // count


@contextmanager
def sentence_for_lost_workers(worker: Worker) -> Iterator[None]:
    """Turn what TensorFlow raises when another worker is gone into a sentence."""
    try:
        yield
    except Exception as error:
        # By its module: importing TensorFlow takes seconds, and the block may never get to it.
        if not worker.others or type(error).__module__ != "tensorflow.python.framework.errors_impl":
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
    if not length:
        return None
    mine = np.frombuffer(content, np.uint8) if chief else np.zeros(length, np.uint8)
    return summed(mine.astype(np.float32)).astype(np.uint8).tobytes()
