"""Sections of Markdown pages that a program writes."""

import pytest

from src.common.errors import PipelineError
from src.common.markdown import replace_section

PAGE = "# Title\n\n<!-- a -->\nold\n<!-- /a -->\n\nEnd\n"


def test_a_section_replaces_the_text_between_its_marks():
    assert replace_section(PAGE, "a", "new\n") == PAGE.replace("old", "new")
    assert replace_section(PAGE, "a", "old") == PAGE


@pytest.mark.parametrize("mark", ["<!-- a -->", "<!-- /a -->"])
def test_a_missing_mark_is_an_error(mark):
    with pytest.raises(PipelineError, match="the page lacks <!-- a --> or <!-- /a -->; put both"):
        replace_section(PAGE.replace(mark, ""), "a", "new")
