"""Texts as details: whatever is written is read again, and whatever is cut off is missing at the end. Knows no record."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.spool import layout, texts

any_text = st.text(max_size=80)


@given(any_text, st.integers(0, layout.A_MAX))
@example("", 0)
@example("x" * 8, 1)
@example("x" * 9, 1)
@example("x" * 23, 1)
@example("x" * 24, 1)
@example("ä\0" * 30, 1)
def test_a_text_comes_back(text: str, a: int) -> None:
    """Any text is the same again, and its first detail has kind, field a and length."""
    (word, payload), *more = texts.encode(events.ARG_TEXT, a, text)
    kind, field, length = layout.unpack_word(word)
    assert (kind, field, length) == (events.ARG_TEXT, a, len(text.encode()))
    assert {word & 0xFF for word, _ in more} <= {events.MORE}
    assert texts.decode(length, payload, more) == text


@given(any_text)
def test_the_bytes_are_those_of_the_format(text: str) -> None:
    """The details are those that the format prescribes, made by another hand."""
    assert texts.encode(events.NAME, 0, text) == SpoolWriter().text(events.NAME, 0, text)


@given(st.text(st.characters(codec="ascii"), max_size=80), st.integers(0, 5))
def test_what_is_cut_off_is_missing_at_the_end(text: str, kept: int) -> None:
    """Without its last details a text is shorter and says so; nothing is made up."""
    (word, payload), *more = texts.encode(events.NAME, 0, text)
    mark = "…" if kept < len(more) else ""
    assert texts.decode(word >> 32, payload, more[:kept]) == text[: 8 + 15 * kept] + mark


@given(any_text, st.integers(0, 5))
@example("ä" * 20, 0)
@example("x🙂" * 20, 1)
def test_no_character_is_cut_in_half(text: str, kept: int) -> None:
    """Of a character whose bytes are not all there nothing is shown."""
    (word, payload), *more = texts.encode(events.NAME, 0, text)
    read = texts.decode(word >> 32, payload, more[:kept])
    assert text.startswith(read.removesuffix("…") if kept < len(more) else read)
    assert "\ufffd" not in read.replace("…", "") or "\ufffd" in text


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_readable(data: bytes, cut: bool) -> None:
    """What is no UTF-8, by damage, is shown as such and is no error."""
    read = texts.readable(data, cut)
    assert read.endswith("…") or not cut
    if not cut:
        assert read == data.decode("utf-8", "replace")


@pytest.mark.parametrize("most", [1, 500])
def test_long_texts_are_cut_by_characters(most: int) -> None:
    """A text is cut to so many characters, whatever bytes they take."""
    (word, payload), *more = texts.encode(events.NAME, 0, "🙂" * 600, most)
    assert texts.decode(word >> 32, payload, more) == "🙂" * most


def test_what_is_no_unicode() -> None:
    """A lone surrogate is replaced, not refused."""
    ((word, payload),) = texts.encode(events.NAME, 0, "a\ud800b")
    assert texts.decode(word >> 32, payload, ()) == "a?b"
