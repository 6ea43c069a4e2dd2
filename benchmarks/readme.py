"""Copy the comparison of this checkout into the README; ``make record`` calls it."""

from pathlib import Path

from src.common.errors import PipelineError, run
from src.common.files import atomic_file, read_json
from src.common.paths import COMPARISON_TEXT, SUMMARY
from src.config.published_values import DATASET

README = Path("README.md")


def replace_section(page: str, name: str, part: str) -> str:
    """Return ``page`` with ``part`` between ``<!-- name -->`` and ``<!-- /name -->``.

    Raises:
        PipelineError: one of these comments is missing.
    """
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise PipelineError(f"the page lacks {marks[0]} or {marks[1]}; add both")
    return f"{before}{marks[0]}\n{part.strip()}\n{marks[1]}{after}"


def write_readme(dataset: str) -> None:
    """Copy the comparison, which is of this dataset, into the README.

    Raises:
        PipelineError: the README is about another dataset.
    """
    if dataset != DATASET:
        raise PipelineError(
            f"{README} shows results on {DATASET}, but those in {SUMMARY} are on {dataset}; run "
            "`git checkout params.yaml && dvc repro`"
        )
    page, comparison = README.read_text("utf-8"), COMPARISON_TEXT.read_text("utf-8")
    with atomic_file(README) as partial:
        partial.write_text(replace_section(page, "comparison", comparison), "utf-8")


if __name__ == "__main__":
    run(lambda: write_readme(read_json(SUMMARY, "compare")["dataset"]))
