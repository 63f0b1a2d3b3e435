"""What reaches a terminal or a pipe, whatever the names in a trace contain. Knows no report."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from tracekit.export.page import clean, headline, page, paragraph, table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def pipe(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")


def read(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


def test_a_pipe_is_plain(monkeypatch) -> None:
    """In a pipe there is no colour, no blank at the end of a line, and no line longer than its width."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    out = io.StringIO()
    console = page(out)
    headline(console, "error", "word " * 100)
    paragraph(console, "word " * 100, style="bold", indent=4)
    table(console, "Title", ("name", "time", ""), [("a" * 200, "3", "x")], left=1, rest="and more")
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()
    assert all(line == line.rstrip() and len(line) <= 120 for line in lines)
    assert "Title" in lines


def test_a_terminal_is_coloured(monkeypatch) -> None:
    """On a terminal the severity is coloured, unless NO_COLOR says otherwise."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    headline(page(out), "error", "text")
    assert "\x1b[1;31merror" in out.getvalue()


def test_names_cannot_steer_the_terminal(monkeypatch) -> None:
    """An escape sequence, a carriage return or a mark of direction in a name is spelt out; markup is plain text."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    out = io.StringIO()
    paragraph(page(out), "a\x1b[31mb\rc\u202ed [red]e[/red] :smile:")
    assert out.getvalue() == "a\\x1b[31mb\\rc\\u202ed [red]e[/red] :smile:\n"


def test_an_encoding_that_lacks_letters(monkeypatch) -> None:
    """Where the stream cannot write a letter, the letter is spelt out instead of a crash."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    stream = pipe("ascii")
    table(
        page(stream), "T\u00e4sks", ("name", "time", ""), [("caf\u00e9 \u2192", "3 \u00b5s", "")], left=1, rest="\u00e9"
    )
    assert b"caf\\xe9 \\u2192" in read(stream)


@given(st.text(st.characters()))
def test_clean(text) -> None:
    """No text at all can break a line, hold a control character, or fail to be written."""
    for encoding in ("ascii", "utf-8"):
        cleaned = clean(page(pipe(encoding)), text)
        assert cleaned.encode(encoding).decode(encoding) == cleaned
        assert len(cleaned.splitlines()) <= 1
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in cleaned)


def test_an_empty_table_is_left_out() -> None:
    """A table without rows is not there, with its title and all."""
    out = io.StringIO()
    table(page(out), "Title", ("a", "b"), [], left=1)
    assert out.getvalue() == ""
