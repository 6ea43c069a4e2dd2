"""Stage train@<recipe>: train one recipe into ``models/<recipe>``, and log it to MLflow."""

import sys

from src.common import paths
from src.common.errors import run
from src.common.files import atomic_folder, read_json, write_not_selected


def main() -> None:
    plan = read_json(paths.RECIPES / f"{sys.argv[1]}.json", "plan")
    if plan["selected"]:  # one that is not selected costs almost nothing: it imports nothing else
        return train(plan)
    write_not_selected(paths.MODELS / plan["name"], plan["name"])


def train(plan: dict) -> None:
    from contextlib import nullcontext

    from src.models.checkpoint import training_code_sha256

    training_code_sha256()  # before the code is imported, because it can be edited at any time
    from src import tracking
    from src.training import distributed

    worker = distributed.this_worker(plan["train"]["strategy"])
    logger = tracking.background_logger() if worker.chief else nullcontext()
    with distributed.lost_connection_as_error(worker), logger as log:
        from src.callbacks.setup import training_callbacks
        from src.models import artifacts
        from src.training.setup import prepare

        job = prepare(plan, paths.PROCESSED, paths.main_checkout() / paths.CHECKPOINTS, worker)
        if log is None:  # only the chief writes outputs
            job.trainer.run(checkpoint=job.checkpoint)
            return
        job.checkpoint.drop_recorded(paths.LOCK, job.trainer.total_steps)
        callbacks = training_callbacks(plan, log, resumes := job.checkpoint.exists())
        log("begin", config=job.run_config, environment=job.environment, resumed=resumes)
        training = job.trainer.run(callbacks, job.checkpoint)
        with atomic_folder(paths.MODELS / plan["name"]) as folder:
            record = artifacts.save(folder, job.run_config, training)
        print(artifacts.summary(record, training))
        log("end", folder=str(paths.MODELS / plan["name"]), seconds=training.seconds)


if __name__ == "__main__":
    run(main)
