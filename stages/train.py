"""Stage train@<recipe>: train one recipe into ``models/<recipe>``, and log it to MLflow."""

import sys
from typing import TYPE_CHECKING

from src.common.errors import run

if TYPE_CHECKING:
    from src.tracking import Log
    from src.training.distributed import Worker


def main() -> None:
    from src import tracking
    from src.common import paths
    from src.common.files import atomic_folder, read_json
    from src.training import distributed

    name = sys.argv[1]
    plan = read_json(paths.RECIPES / f"{name}.json", "plan")
    if not plan["selected"]:
        with atomic_folder(paths.MODELS / name) as folder:  # DVC wants an output all the same
            (folder / "not-selected.txt").write_text("`model` in params.yaml leaves this out.\n")
        return
    worker = distributed.this_worker(plan["train"]["strategy"])
    with distributed.sentence_for_lost_workers(worker):
        if worker.chief:
            with tracking.background_logger() as log:
                train(plan, worker, log)
        else:
            train(plan, worker)


def train(plan: dict, worker: "Worker", log: "Log | None" = None) -> None:
    """Train; with a log, which the chief has, write what comes of it."""
    from src.common import paths
    from src.common.files import atomic_folder
    from src.training.setup import prepare  # TensorFlow takes seconds to import: only if needed

    checkout, name = paths.main_checkout(), plan["name"]
    job = prepare(plan, paths.PROCESSED, checkout / paths.CHECKPOINTS, worker)
    if log is None:
        job.trainer.run(checkpoint=job.checkpoint)
        return
    from src.callbacks.live_curves import LiveCurves
    from src.callbacks.progress import TrainingProgress
    from src.models import artifacts

    goes_on = job.checkpoint.exists()
    log("begin", config=job.run_config, resumed=goes_on)
    progress = TrainingProgress(name)
    watchers = [progress, LiveCurves(log)]
    if plan["tensorboard"]:
        from src.callbacks import tensorboard

        logs = tensorboard.folder(checkout / paths.LOGS, name)
        watchers.append(tensorboard.TensorBoard(logs, goes_on))
    try:
        training = job.trainer.run(watchers, job.checkpoint)
    finally:
        progress.close()
    with atomic_folder(paths.MODELS / name) as folder:
        record = artifacts.save(folder, job.run_config, training)
    print(
        f"{name}: validation accuracy {record['val_accuracy']:.4f} after "
        f"{record['epochs']:.4g} epochs in {record['seconds']:.1f} s, "
        f"weights {record['weights_sha256'][:12]}"
    )
    log("end", folder=str(paths.MODELS / name))


if __name__ == "__main__":
    run(main)
