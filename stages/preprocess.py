"""Stage preprocess: the IDX files as arrays in ``data/processed``, and a sheet of samples."""

from src.errors import run


def main() -> None:
    from src.contact_sheet import class_sheet, write_png
    from src.data import load_split
    from src.files import whole_file, whole_folder
    from src.params import load_params
    from src.paths import PROCESSED, RAW, SAMPLES
    from src.preprocess import preprocess

    validation = load_params().data.validation
    with whole_folder(PROCESSED) as target:
        info = preprocess(RAW, target, validation)
    with whole_file(SAMPLES) as picture:
        write_png(class_sheet(*load_split(PROCESSED, "train")), picture)
    counts = ", ".join(f"{count:,} {split}" for split, count in info["counts"].items())
    size = f"{info['height']} × {info['width']}"
    print(f"{info['name']}: {counts} images of {size}, {info['classes']} classes")


if __name__ == "__main__":
    run(main)
