"""Stage train@<family>: train its selected recipes one after the other into ``models/<family>``."""

import sys
from contextlib import closing, nullcontext
from typing import Any

from src.common import paths
from src.common.errors import run
from src.common.files import atomic_folder, read_json, write_not_selected


def main() -> None:
    folder = paths.MODELS / sys.argv[1]
    plans = read_json(paths.PLAN / f"{folder.name}.json", "plan")["recipes"]
    train(plans, folder) if plans else write_not_selected(folder)  # quick: no more imports


def train(plans: list[dict[str, Any]], folder: paths.Path) -> None:
    from src.training.checkpoint import training_code_sha256

    training_code_sha256()  # now: the code can be edited while it is imported
    from src.tracking.live import LiveLogger
    from src.training import distributed

    worker = distributed.this_worker(plans[0]["train"]["strategy"])
    logger = closing(LiveLogger()) if worker.chief else nullcontext()
    with distributed.lost_connection_as_error(worker), logger as log:
        from src.callbacks.training import training_callbacks
        from src.models.artifacts import save, summary
        from src.training.setup import prepare

        for plan in plans:
            job = prepare(plan, paths.PROCESSED, paths.checkpoints(), worker)
            if log is None:  # only the chief writes outputs
                job.trainer.run(checkpoint=job.checkpoint)
                continue
            complete, resumes = job.checkpoint.is_complete(), job.checkpoint.exists()
            curves = log.begin(job.run_config, job.environment, resumes)
            callbacks = training_callbacks(plan, log.row, curves)
            training = job.trainer.run(callbacks, job.checkpoint)
            with atomic_folder(folder / plan["name"]) as partial:
                record = save(partial, job.run_config, training)
            if not complete:
                print(summary(record, training))
            log.end(record, training.seconds)
            job.checkpoint.remove_others()


if __name__ == "__main__":
    run(main, is_stage=True)
