"""Markup: elements of HTML and SVG whose text can never become markup. Knows no trace and no page.

What is escaped is a matter of type, not of care: a plain string is text, wherever it stands; only `element` makes Markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# What no page may get from a program's names: XML forbids the first ones, marks of direction reorder what is read, and
# half a surrogate pair cannot be written at all.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_EMPTY = frozenset({"br", "col", "input", "meta", "wbr"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: object) -> Markup:
    """An element.

    Args:
        tag: its name, never a program's.
        children: what stands in it, one after another; a string that is not Markup is text. None is left out.
        attributes: `class_` is written class, `stroke_width` stroke-width; None and False are left out, True has no value.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _EMPTY:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*children)}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Elements and texts one after another."""
    return Markup(
        "".join(child if isinstance(child, Markup) else text(child) for child in children if child is not None)
    )


def each(children: Iterable[str]) -> Markup:
    """The same of any number."""
    return joined(*children)


def text(value: str) -> Markup:
    """A program's text as markup that shows it, and does nothing else."""
    return Markup(html.escape(legible(value)))


def legible(value: str) -> str:
    """A program's text with what nobody could see, or write, spelt out."""
    return _UNSAFE.sub(lambda match: repr(match.group())[1:-1], value)


def shortened(value: str, longest: int) -> str:
    """At most so many characters of a text; what is left out shows as an ellipsis."""
    return value if len(value) <= longest else value[: max(longest - 1, 0)].rstrip() + "…"


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{text(str(value))}"'
