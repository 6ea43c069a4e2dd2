"""Stage train@<recipe>: train one recipe into ``models/<recipe>``, and log it to MLflow."""

import sys

from src import paths, tracking
from src.errors import run
from src.files import read_json, whole_folder


def main() -> None:
    name = sys.argv[1]
    plan = read_json(paths.RECIPES / f"{name}.json", "plan")
    if plan["selected"]:
        with tracking.beside() as log:
            train(name, plan, log)
    else:
        with whole_folder(paths.MODELS / name) as folder:  # DVC wants an output all the same
            (folder / "not-selected.txt").write_text("`model` in params.yaml leaves this out.\n")


def train(name: str, plan: dict, log: tracking.Log) -> None:
    from src import trained
    from src.checkpoint import Checkpoint
    from src.data import load_dataset_info, load_split
    from src.device import choose_device  # TensorFlow takes seconds to import: only if needed
    from src.execution import choose_execution
    from src.progress import LiveCurves, TrainingProgress
    from src.recipe import load_recipe
    from src.training import Trainer

    recipe, settings = load_recipe(plan["recipe"]), plan["train"]
    dataset = load_dataset_info(paths.PROCESSED)
    splits = load_split(paths.PROCESSED, "train"), load_split(paths.PROCESSED, "validation")
    device = choose_device(settings["device"])
    execution = choose_execution(recipe, device, settings["compile"], settings["precision"])
    print(f"{name}: {dataset['counts']['train']:,} images of {dataset['name']}; {execution}")

    trainer = Trainer(
        recipe, *splits, dataset["classes"], settings["seed"], execution, plan["keep_epochs"]
    )
    begun = trained.begin(plan, dataset, trainer.model, execution)
    folder = paths.main_checkout() / paths.CHECKPOINTS
    checkpoint = Checkpoint.of(folder, plan, dataset, execution)
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
