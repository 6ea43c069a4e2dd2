"""Stage ensemble@<recipe>: average the models of other recipes into ``models/<recipe>``."""

import sys

from src.common import paths
from src.common.errors import run
from src.common.files import atomic_folder, read_json, write_not_selected


def main() -> None:
    plan = read_json(paths.RECIPES / f"{sys.argv[1]}.json", "plan")
    if plan["selected"]:
        return average(plan)
    write_not_selected(paths.MODELS / plan["name"], plan["name"])


def average(plan: dict) -> None:
    from src.data.splits import load_dataset_info, load_split
    from src.models import artifacts, ensemble
    from src.models.device import choose_device
    from src.models.record import make_run_config

    choose_device(plan["train"]["device"], plan["train"]["threads"])
    folders = [paths.MODELS / name for name in plan["recipe"]["members"]]
    records = [artifacts.load_record(folder) for folder in folders]
    losses = [artifacts.load_history(folder)[-1]["loss"] for folder in folders]
    members = [
        artifacts.load_model(folder, record["weights_sha256"])
        for folder, record in zip(folders, records, strict=True)
    ]
    model = ensemble.average(members)
    validation = load_split(paths.PROCESSED, "validation")
    result = ensemble.evaluate(model, records, losses, validation)
    config = make_run_config(plan, load_dataset_info(paths.PROCESSED), model)
    with atomic_folder(paths.MODELS / plan["name"]) as target:
        record = artifacts.save(target, config, result)
    names = ", ".join(plan["recipe"]["members"])
    print(f"{plan['name']} of {names}: validation accuracy {record['val_accuracy']:.4f}")


if __name__ == "__main__":
    run(main)
