"""Stage train@<recipe>: train one recipe into ``models/<recipe>``, and log it to MLflow."""

import sys
from typing import TYPE_CHECKING

from src import cluster, paths, tracking
from src.errors import run
from src.files import read_json, whole_folder

if TYPE_CHECKING:
    from src.checkpoint import Checkpoint
    from src.training import Trainer


def main() -> None:
    name = sys.argv[1]
    plan = read_json(paths.RECIPES / f"{name}.json", "plan")
    if not plan["selected"]:
        with whole_folder(paths.MODELS / name) as folder:  # DVC wants an output all the same
            (folder / "not-selected.txt").write_text("`model` in params.yaml leaves this out.\n")
        return
    worker = cluster.this_worker(plan["train"]["strategy"])
    with cluster.sentence_for_lost_workers(worker):
        if worker.chief:
            with tracking.beside() as log:
                train(plan, worker, log)
        else:
            trainer, checkpoint = prepare(plan, worker)
            trainer.run(checkpoint=checkpoint)


def prepare(plan: dict, worker: cluster.Worker) -> "tuple[Trainer, Checkpoint]":
    """What each worker does alike."""
    from src.checkpoint import Checkpoint
    from src.data import load_dataset_info, load_split
    from src.device import choose_device  # TensorFlow takes seconds to import: only if needed
    from src.execution import choose_execution
    from src.memory import window_size
    from src.recipe import load_recipe
    from src.training import Trainer

    name, recipe, settings = plan["name"], load_recipe(plan["recipe"]), plan["train"]
    dataset = load_dataset_info(paths.PROCESSED)
    splits = load_split(paths.PROCESSED, "train"), load_split(paths.PROCESSED, "validation")
    device = choose_device(settings["device"], settings["threads"])
    window = window_size(splits[0][0].shape, recipe.batch_size, settings["memory_limit"], device)
    how = settings["compile"], settings["precision"], settings["strategy"]
    execution = choose_execution(recipe, device, *how, window)
    print(f"{name}: {dataset['counts']['train']:,} images of {dataset['name']}; {execution}")
    checkpoint = Checkpoint.of(paths.main_checkout() / paths.CHECKPOINTS, plan, dataset, execution)
    trainer = Trainer(
        *(recipe, *splits, dataset["classes"], settings["seed"], execution),
        *(plan["keep_epochs"], worker),
    )
    return trainer, checkpoint


def train(plan: dict, worker: cluster.Worker, log: tracking.Log) -> None:
    """Train, and write what comes of it."""
    trainer, checkpoint = prepare(plan, worker)
    from src import trained
    from src.data import load_dataset_info
    from src.progress import LiveCurves, TrainingProgress

    name, dataset = plan["name"], load_dataset_info(paths.PROCESSED)
    begun = trained.begin(plan, dataset, trainer.model, trainer.execution)
    log("begin", record=begun, goes_on=checkpoint.exists())
    progress = TrainingProgress(name)
    watchers = [progress, LiveCurves(log)]
    if plan["tensorboard"]:
        from src import tensorboard

        logs = tensorboard.folder(paths.main_checkout() / paths.LOGS, name)
        watchers.append(tensorboard.TensorBoard(logs, checkpoint.exists()))
    try:
        training = trainer.run(watchers, checkpoint)
    finally:
        progress.close()
    with whole_folder(paths.MODELS / name) as folder:
        record = trained.save(folder, begun, training)
    print(
        f"{name}: validation accuracy {record['validation_accuracy']:.4f} after "
        f"{record['epochs']:.4g} epochs in {record['seconds']:.1f} s, "
        f"weights {record['weights_sha256'][:12]}"
    )
    log("end", folder=str(paths.MODELS / name))


if __name__ == "__main__":
    run(main)
