"""The page of all parameters."""

from benchmarks import parameters


def test_the_page_describes_the_schema_and_each_key_has_a_meaning():
    text = parameters.page()
    assert text == parameters.PAGE.read_text("utf-8"), "run `python -m benchmarks.parameters`"
    assert "|`optimizer.rho`|number 0…<1|0.9|Decay of v.|\n" in text
    assert "||\n" not in text
