"""Stage train@<recipe>: train one recipe into ``models/<recipe>``, and log it to MLflow."""

import sys

from src.errors import run
from src.files import read_json, whole_folder
from src.paths import MODELS, PROCESSED, RECIPES


def main() -> None:
    name = sys.argv[1]
    plan = read_json(RECIPES / f"{name}.json", "plan")
    with whole_folder(MODELS / name) as folder:
        if not plan["selected"]:  # DVC wants an output all the same
            (folder / "not-selected.txt").write_text("`model` in params.yaml leaves this out.\n")
            return

        from src.device import choose_device  # TensorFlow takes seconds to import: only if needed

        device = choose_device(plan["train"]["device"])
        from src import trained
        from src.data import load_dataset_info, load_split
        from src.progress import TrainingProgress
        from src.recipe import load_recipe
        from src.training import train

        dataset = load_dataset_info(PROCESSED)
        print(
            f"{name}: {dataset['counts']['train']:,} images of {dataset['name']}, on the {device}"
        )
        with TrainingProgress(name) as progress:
            training = train(
                load_recipe(plan["recipe"]),
                load_split(PROCESSED, "train"),
                load_split(PROCESSED, "validation"),
                dataset["classes"],
                plan["train"]["seed"],
                plan["keep_epochs"],
                progress.on_row,
                progress.on_progress,
            )
        record = trained.save(folder, plan, dataset, training, device)
    print(
        f"{name}: validation accuracy {record['validation_accuracy']:.4f} after "
        f"{record['epochs']:.4g} epochs in {record['seconds']:.1f} s, "
        f"weights {record['weights_sha256'][:12]}"
    )

    from src.tracking import log_training

    log_training(MODELS / name)


if __name__ == "__main__":
    run(main)
