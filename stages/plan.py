"""Stage plan: validates ``params.yaml`` and writes one resolved recipe file per recipe.

A training depends only on its own recipe file, so that a change of parameters retrains only the
recipes that it affects.
"""

from src.common.errors import run


def main() -> None:
    from src.common.files import atomic_folder, write_json
    from src.common.paths import RECIPES
    from src.config.params import load_params, select

    params = load_params()
    selected = select(params)
    with atomic_folder(RECIPES) as folder:
        for name, recipe in params.models.items():
            content = {"name": name, "selected": name in selected}
            if content["selected"]:
                content["recipe"] = recipe.model_dump(exclude={"published"}, exclude_none=True)
                content["keep_epochs"] = recipe.needs_every_epoch()
                content["train"] = params.train.model_dump(exclude={"tensorboard"})
                content["tensorboard"] = params.train.tensorboard
            write_json(folder / f"{name}.json", content)
    print(f"plan: train {', '.join(selected)}")


if __name__ == "__main__":
    run(main)
