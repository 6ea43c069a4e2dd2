"""Stage plan: validates ``params.yaml`` and writes one resolved recipe file per recipe.

A training depends only on its own recipe file, so that a change of parameters retrains only the
recipes that it affects. A recipe that needs more memory than the machine has is refused.
"""

from src.common.errors import run


def main() -> None:
    from src.common.files import atomic_folder, write_json
    from src.common.paths import RAW, RECIPES
    from src.config.params import load_params
    from src.config.published_values import DATASET as PUBLISHED_DATASET
    from src.config.selection import select
    from src.data.memory import GB
    from src.ingest.raw import training_shape
    from src.models.size import LARGE_BYTES, check_memory

    params = load_params()
    selected = select(params)
    images, classes = training_shape(RAW, params.data)
    for name in [each for each in selected if each in params.models]:
        needed = check_memory(name, params.models[name], params.train, images, classes)
        if needed > LARGE_BYTES:
            size = f"{images[1]} × {images[2]} pixels"
            print(f"plan: {name} needs about {needed / GB:.1f} GB of memory for images of {size}")
    with atomic_folder(RECIPES) as folder:
        for name in params.recipes():
            content = {"name": name, "selected": name in selected}
            if content["selected"]:
                is_published = params.data.dataset == PUBLISHED_DATASET
                needs_every_epoch = params.published(name).needs_every_epoch()
                content |= params.training(name)
                content["keep_epochs"] = is_published and needs_every_epoch
                content["tensorboard"] = params.train.tensorboard
            write_json(folder / f"{name}.json", content)
    print(f"plan: train {', '.join(selected)}")


if __name__ == "__main__":
    run(main)
