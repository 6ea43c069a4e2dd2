"""No message has secrets, or characters that change the terminal."""

import pytest

from src.common.errors import PipelineError
from src.common.messages import clean, escaped, warn


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://user:secret@host/x failed", "at http://***@host/x failed"),
        ("at postgresql://user:se/cr@et@host:1/db", "at postgresql://***@host:1/db"),
        ("'url': 'http://u:secret@host'", "'url': 'http://***@host'"),
        ("with url: /api?password=secret (", "with url: /api?*** ("),
        ("https://host/file.gz and a@b.c", "https://host/file.gz and a@b.c"),
        ("is it there? (did you mean 'a'?)", "is it there? (did you mean 'a'?)"),
        ("\x1b[31mred\x9b2J\r\x07", r"\x1b[31mred\x9b2J\r\x07"),
        ("two\nlines, 手書き – café", "two\nlines, 手書き – café"),
    ],
)
def test_a_text_is_shown_without_secrets_and_control_characters(text, shown):
    assert clean(text) == shown
    assert str(PipelineError(text)) == shown


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MLFLOW_TRACKING_URI", "postgresql://user:pa%2Fss%20word@host/db"),
        ("MLFLOW_TRACKING_URI", "mysql://host/db?password=pa%2Fss+word"),
        ("MLFLOW_REGISTRY_URI", "postgresql://user:pa/ss word@host/db"),
        ("https_proxy", "http://user:pa/ss word@proxy:3128"),
        ("MLFLOW_TRACKING_TOKEN", "pa/ss word"),
        ("PGPASSWORD", "pa/ss word"),
    ],
)
def test_a_password_in_the_environment_is_hidden_everywhere(monkeypatch, variable, value, capsys):
    monkeypatch.setenv(variable, value)
    warn(f"cannot use {value}, that is user pa/ss word")
    printed = capsys.readouterr().err
    assert printed.startswith("warning: cannot use ") and printed.endswith("that is user ***\n")
    assert "word" not in printed and "pa/ss" not in printed and "pa%2F" not in printed


@pytest.mark.parametrize("separator", ["/", "?", "#", "@"])
def test_the_parts_of_a_password_that_a_library_prints_are_hidden(monkeypatch, separator):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:fourth{separator}fifth@host")
    assert clean("the port 'fourth' of 'user:fourth' and the path /fifth@host are not valid") == (
        "the port '***' of '***' and the path /***@host are not valid"
    )


def test_only_what_cannot_be_shown_in_a_line_is_escaped():
    assert escaped("Tür 猫 $x_1$ [red]/a.png", kept="") == "Tür 猫 $x_1$ [red]/a.png"
    assert escaped("a\x1b[2J\n\udcff", kept="") == r"a\x1b[2J\n\udcff"
