import re
import sys
from importlib import import_module
from string import Formatter
from types import SimpleNamespace

import pytest

from benchmarks import readme, run
from benchmarks.run import BY_PROCESSOR, PAGES
from src.common.errors import PipelineError


@pytest.mark.parametrize("name", PAGES)
def test_a_page_contains_the_text_that_its_section_prints(name):
    mark, page = rf"{name} \S+" if name in BY_PROCESSOR else name, PAGES[name].read_text("utf-8")
    sections = re.findall(rf"<!-- {mark} -->\n.*?<!-- /{mark} -->", page, re.DOTALL)
    assert sections
    if "Not measured since the code changed" in sections[0]:
        pytest.skip("the page says that it must be measured again")
    for text, *_ in Formatter().parse(import_module(f"benchmarks.{name}").INTRODUCTION):
        assert any(text in section for section in sections)


@pytest.fixture
def section(monkeypatch, tmp_path):
    """A section of its own page, and a function that starts the program with arguments."""
    page = tmp_path / "page.md"
    page.write_text("<!-- fake -->\n<!-- /fake -->\n", "utf-8")
    fake = SimpleNamespace(measured=[])
    fake.measure = lambda repeat: fake.measured.append(repeat) or [f"rounds: {repeat}"]
    monkeypatch.setitem(sys.modules, "benchmarks.fake", fake)
    monkeypatch.setattr(run, "PAGES", {"fake": page})
    monkeypatch.setattr(run, "RESULTS", page)
    monkeypatch.setattr(run, "last_commit", lambda: "1234567")

    def start(*arguments):
        monkeypatch.setattr(sys, "argv", ["run", *arguments])
        run.main()

    return SimpleNamespace(page=page, module=fake, start=start)


def test_a_section_that_was_measured_at_this_commit_is_measured_only_if_asked(section, capsys):
    section.start()
    assert "fake: its duration is not known" in capsys.readouterr().out
    assert (
        "at commit 1234567, by `python -m benchmarks.run fake --repeat 5`, in 0 s.\n\nrounds: 5"
        in (section.page.read_text("utf-8"))
    )
    section.start()
    assert "fake: already measured on this machine at this commit" in capsys.readouterr().out
    assert section.module.measured == [5]
    section.start("--again")
    section.start("fake")
    section.start("--repeat", "3")
    assert "fake: about 1 min, the last time, with --repeat 5" in capsys.readouterr().out
    assert section.module.measured == [5, 5, 5, 3]


@pytest.mark.parametrize("commit", ["89abcde", run.CHANGED])
def test_a_section_of_other_code_is_measured_again(section, monkeypatch, commit):
    section.start()
    monkeypatch.setattr(run, "last_commit", lambda: commit)
    section.start()
    assert section.module.measured == [5, 5]
    section.start()
    assert len(section.module.measured) == (3 if commit == run.CHANGED else 2)


def test_a_page_of_docs_names_the_machine_once(section, monkeypatch):
    monkeypatch.setattr(run, "DOCS", section.page.parent)
    section.page.write_text(section.page.read_text() + "<!-- other -->\n<!-- /other -->\n", "utf-8")
    monkeypatch.setitem(sys.modules, "benchmarks.other", section.module)
    run.PAGES["other"] = section.page
    section.start("fake", "other")
    section.start("fake")
    text = section.page.read_text("utf-8")
    assert text.count("Measured on ") == 1
    assert (
        text.count("Measured as above, at commit 1234567, by `python -m benchmarks.run other") == 1
    )


def test_a_section_that_this_machine_cannot_measure_keeps_its_page(section, capsys):
    def measure(repeat):
        raise PipelineError("the section fake needs a library")
        yield

    section.module.measure = measure
    before = section.page.read_text("utf-8")
    section.start()
    assert "not measured: the section fake needs a library" in capsys.readouterr().out
    assert section.page.read_text("utf-8") == before
    with pytest.raises(PipelineError):
        section.start("fake")


@pytest.mark.parametrize("comment", ["", "<!-- a -->", "<!-- /a -->"])
def test_a_section_of_a_page_is_replaced_between_its_comments(comment):
    page = "# Title\n\n<!-- a -->\nold\n<!-- /a -->\n\nEnd\n"
    if not comment:
        assert readme.replace_section(page, "a", "new\n") == page.replace("old", "new")
        return
    with pytest.raises(PipelineError, match="the page lacks <!-- a --> or <!-- /a -->; add both"):
        readme.replace_section(page.replace(comment, ""), "a", "new")


def test_the_results_on_other_data_do_not_reach_the_readme():
    with pytest.raises(PipelineError, match=r"README.md shows results on mnist, .* on digits; run"):
        readme.write_readme("digits")
