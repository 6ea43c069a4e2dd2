"""Stage download: the four IDX files of the chosen data set, into ``data/raw``."""

from src.errors import run


def main() -> None:
    from src.download import download
    from src.files import whole_folder
    from src.params import load_params
    from src.paths import RAW

    data = load_params().data
    with whole_folder(RAW) as target:
        info = download(data, target)
    counts = info["counts"]
    print(f"{info['name']}: {counts['train']:,} training and {counts['test']:,} test images")


if __name__ == "__main__":
    run(main)
