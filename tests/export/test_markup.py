"""Elements whose text cannot become markup. Knows no page."""

from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from tracekit.export._markup import Markup, element, joined, legible, shortened, text

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


@given(ANY)
def test_text_is_text(value: str) -> None:
    """No text has what begins a tag, an entity or the end of an attribute; what it says is what it said."""
    made = text(value)
    assert not set(made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").replace("&quot;", "")) & set('<>"')
    assert html.unescape(made) == legible(value)
    made.encode()


@given(ANY)
def test_attributes_and_children_are_text(value: str) -> None:
    """What is no Markup is text wherever it stands."""
    assert element("p", value, title=value) == f'<p title="{text(value)}">{text(value)}</p>'
    assert joined(value, None, Markup("<br>")) == f"{text(value)}<br>"


def test_attributes() -> None:
    """Words that Python keeps for itself, dashes, values that are absent, and those that have none."""
    assert element("input", class_="a", stroke_width=2, checked=True, id=None, disabled=False) == (
        '<input class="a" stroke-width="2" checked>'
    )


def test_what_cannot_be_seen_is_spelt_out() -> None:
    """Marks of direction, control characters and halves of characters show as what they are."""
    assert legible("a\u202eb\x00\ud800\n") == "a\\u202eb\\x00\\ud800\n"


def test_shortened() -> None:
    """A text that is too long ends in an ellipsis and is as long as it may be."""
    assert [shortened("abcdef", 6), shortened("abcdefg", 6)] == ["abcdef", "abcde…"]
