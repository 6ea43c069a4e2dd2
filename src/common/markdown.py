"""Sections of Markdown pages that a program writes."""

from src.common.errors import PipelineError


def replace_section(page: str, name: str, part: str) -> str:
    """A page of Markdown with ``part`` between ``<!-- name -->`` and ``<!-- /name -->``.

    Raises:
        PipelineError: one of these marks is missing.
    """
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not end:
        raise PipelineError(f"the page lacks {marks[0]} or {marks[1]}; put both back")
    return f"{before}{marks[0]}\n{part.strip()}\n{marks[1]}{after}"
