"""A table on a page: columns of words, numbers and bars. Knows rows as objects, and not what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracekit.analyze import words
from tracekit.export._markup import Markup, each, element, shortened, text

MOST = 25  # rows of a table
_SHORT = 28  # characters of a cell that stays on its line, of its markup
_LONGEST = 100
_TITLE = 1000  # of what the mouse tells of a cell that is cut
_JOINT = re.compile(r"([./_])(?=\w{3})")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, how it lies ("word", "number" or "bar"), and what of a row stands in it."""

    head: str
    lies: str
    cell: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A part of a bar: its key in a row's shares, its class, and what a legend says of it."""

    key: str
    class_: str
    word: str


def word(head: str, cell: Callable[[Any], str]) -> Column:
    """A column of words, from the left."""
    return Column(head, "word", cell)


def number(head: str, cell: Callable[[Any], str]) -> Column:
    """A column of numbers, which end below each other."""
    return Column(head, "number", cell)


def table(columns: Sequence[Column], rows: Sequence[Any], total: int) -> Markup:
    """The table; a column that no row has anything for is left out.

    Args:
        rows: those that are shown.
        total: how many there are.
    """
    cells = [[text_of(column.cell(row)) for column in columns] for row in rows]
    shown = [at for at in range(len(columns)) if any(row[at] for row in cells)]
    head = element("tr", *(element("th", columns[at].head, class_=columns[at].lies) for at in shown))
    body = each(element("tr", *(_cell(columns[at], row[at]) for at in shown)) for row in cells)
    grid = element("div", element("table", element("thead", head), element("tbody", body)), class_="wide")
    if total <= len(rows):
        return grid
    said = f"and {total - len(rows):,} more: tracekit report --json has all of them"
    return each((grid, element("p", said, class_="note")))


def _cell(column: Column, content: Markup) -> Markup:
    """Words that are short stay on their line, so that long ones give way."""
    is_short = column.lies == "word" and len(content) <= _SHORT
    return element("td", content, class_="word short" if is_short else column.lies)


def text_of(value: str) -> Markup:
    """What stands in a cell, as markup."""
    if isinstance(value, Markup):
        return value
    if value and not value.strip():
        value = repr(value)  # a name that nobody would see
    # A long name may break where its parts meet.
    shown = Markup(_JOINT.sub(r"\1<wbr>", text(shortened(value, _LONGEST))))
    return element("span", shown, title=shortened(value, _TITLE)) if len(value) > _LONGEST else shown


def shares(kinds: Sequence[Kind], parts: Mapping[str, float | None], whole: float) -> Markup:
    """A bar in which each kind is as wide as its part of the whole; a title tells the numbers."""
    if not whole > 0:
        return Markup("")
    there = [(kind, min((parts.get(kind.key) or 0.0) / whole, 1.0)) for kind in kinds]
    there = [(kind, share) for kind, share in there if share >= 0.001]
    told = ", ".join(f"{kind.word} {percent(share)}" for kind, share in there)
    pieces = (element("i", class_=kind.class_, style=f"width:{share * 100:.2f}%") for kind, share in there)
    return element("div", *pieces, class_="shares", title=told, role="img", aria_label=told) if there else Markup("")


def legend(kinds: Sequence[Kind]) -> Markup:
    """What the colours of bars mean."""
    return element(
        "div", *(element("span", element("i", class_=kind.class_), kind.word) for kind in kinds), class_="legend"
    )


def percent(share: float | None) -> str:
    """A share as a person says it; "" for none at all, so that what there is stands out."""
    if not share:
        return ""
    return f"{share:.0%}" if share >= 0.005 else "<1%"


def seconds(value: float | None) -> str:
    """A duration that a report has in seconds; "?" where it is not known."""
    return "?" if value is None else words.duration(round(value * 1e9))


def place(row: Row) -> Markup:
    """Where the code of a row lies, as a file in its folder and a line; a title tells the whole path."""
    where = words.place("", str(row.get("file") or ""), int(row.get("line") or 0))
    if not where:
        return Markup("")
    folder, _, file = where.rpartition("/")
    return element("code", f"{folder.rpartition('/')[2]}/{file}" if folder else file, title=where)
