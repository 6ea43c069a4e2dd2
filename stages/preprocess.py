"""Stage preprocess: writes the arrays in ``data/processed``, and an image of samples."""

from src.common.errors import run


def main() -> None:
    from src.common.files import atomic_folder
    from src.common.paths import PROCESSED, RAW, SAMPLES
    from src.config.params import load_params
    from src.data.splits import load_split
    from src.ingest.preprocess import preprocess
    from src.plots.contact_sheet import class_sheet, write_png

    data = load_params().data
    with atomic_folder(PROCESSED) as target:
        info = preprocess(RAW, target, data)
    write_png(class_sheet(*load_split(PROCESSED, "train"), info["class_names"]), SAMPLES)
    counts = ", ".join(f"{count:,} {split}" for split, count in info["counts"].items())
    counts += f", {len(load_split(PROCESSED, 'test')[1]):,} test"
    size = f"{info['height']} × {info['width']}"
    print(f"{info['name']}: {counts} images of {size}, {info['classes']} classes")


if __name__ == "__main__":
    run(main, is_stage=True)
