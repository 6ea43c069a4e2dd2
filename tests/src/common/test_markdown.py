"""Generated sections of Markdown pages."""

import pytest
from src.common.markdown import replace_section

from src.common.errors import PipelineError

PAGE = "# Title\n\n<!-- a -->\nold\n<!-- /a -->\n\nEnd\n"


def test_a_section_is_replaced_between_its_comments():
    assert replace_section(PAGE, "a", "new\n") == PAGE.replace("old", "new")
    assert replace_section(PAGE, "a", "old") == PAGE


@pytest.mark.parametrize("comment", ["<!-- a -->", "<!-- /a -->"])
def test_a_missing_comment_is_reported(comment):
    with pytest.raises(PipelineError, match="the page lacks <!-- a --> or <!-- /a -->; add both"):
        replace_section(PAGE.replace(comment, ""), "a", "new")
