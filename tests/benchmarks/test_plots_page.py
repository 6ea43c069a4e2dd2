"""The page of DVC's plots contains the libraries of its charts."""

from benchmarks.plots_page import PAGE, with_libraries


def test_the_page_has_the_libraries_of_the_installed_package():
    page = PAGE.read_text("utf-8")
    assert with_libraries(page) == page, "run `python -m benchmarks.plots_page`"
    assert "University of Washington Interactive Data Lab" in page  # their license
