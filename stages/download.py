"""Stage download: writes four uncompressed IDX files of the chosen dataset to ``data/raw``."""

from src.common.errors import run


def main() -> None:
    from src.common.files import atomic_folder
    from src.common.paths import RAW
    from src.config.params import load_params
    from src.ingest.download import download

    data = load_params().data
    with atomic_folder(RAW) as target:
        info = download(data, target)
    counts = info["counts"]
    print(f"{info['name']}: {counts['train']:,} training and {counts['test']:,} test images")


if __name__ == "__main__":
    run(main, is_stage=True)
