"""Generated sections of Markdown pages."""

from src.common.errors import PipelineError


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
