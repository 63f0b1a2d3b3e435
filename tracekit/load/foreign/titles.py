"""Titles: what a slice is called, what kind it is and what all slices of that name say. Knows the categories that tools write.

One is made for each pair of a name and a category, so that of most events nothing else has to be looked at.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

from tracekit.load.foreign.calls import parse
from tracekit.load.foreign.values import Room
from tracekit.model.builder import Builder
from tracekit.model.trace import Args, Category

TITLE = 3  # of `table`: name, args, category

# viztracer's calls (also written FEE); PyTorch's, with their stacks; py-spy's samples, laid together where they are alike.
_CATEGORIES = {"fee": Category.CALL, "python_function": Category.CALL, "py-spy": Category.SAMPLE}


class Title(NamedTuple):
    """A name's number in the trace, the number of its arguments, its category, and the arguments themselves."""

    name: int
    number: int
    category: int
    args: Args


class Titles:
    """The titles of a file.

    Attributes:
        known: the row of each title, by name and category as they stand in the file.
        table: the titles' numbers, a row each.
        texts: the names, by their numbers in the trace.
    """

    def __init__(self, builder: Builder, room: Room) -> None:
        self.known: dict[tuple[Any, Any], int] = {}
        self.table = array("q")
        self.texts: dict[int, str] = {}
        self._builder = builder
        self._room = room
        self._titles: list[Title] = []
        self._made: dict[tuple[str, str], int] = {}

    def title(self, name: Any, cat: Any) -> Title:
        """The title of an event."""
        return self._titles[self.row(name, cat)]

    def of(self, row: int) -> Title:
        """The title of a row."""
        return self._titles[row]

    def row(self, name: Any, cat: Any) -> int:
        """The row of the title of an event."""
        try:
            return self.known[name, cat]
        except (KeyError, TypeError):
            pass
        plain = isinstance(name, str) and (cat is None or isinstance(cat, str))
        text, kind = self._room.name(name), self._room.name(cat) if isinstance(cat, str) and cat else ""
        row = self._made.get((text, kind))
        if row is None:
            row = self._made[text, kind] = len(self._titles)
            made = self._make(text, kind)
            self._titles.append(made)
            self.table.extend((made.name, made.number, made.category))
        if plain and self._room.take(1):
            self.known[name, cat] = row
        return row

    def numbers(self, functions: tuple[str, ...], folder: str) -> list[int]:
        """The numbers of the names of calls of some functions, whatever their class, in files of a folder."""
        return [
            title.name
            for title in self._titles
            if title.category == Category.CALL
            and folder in str(title.args.get("file"))
            and self.texts[title.name].rpartition(".")[2] in functions
        ]

    def args(self, title: Title, value: Any) -> int:
        """The number of the arguments of one event."""
        own = self._room.args(value) if value else None
        if own is None:
            return title.number
        if title.category == Category.SAMPLE:
            own = _place(own)
        return self._builder.keep({**title.args, **own})

    def _make(self, text: str, cat: str) -> Title:
        category = _CATEGORIES.get(cat.lower(), Category.OTHER)
        args: Args = {}
        if category == Category.CALL:
            text, file, line = parse(text)
            args = {"file": file, "line": line} if file else {}
        elif category == Category.OTHER and cat:
            args = {"category": cat}
        number = self._builder.string(text)
        self.texts[number] = text
        return Title(number, self._builder.keep(args) if args else -1, int(category), args)


def _place(args: Args) -> Args:
    """Where py-spy's frame is, in our words."""
    file, line = args.get("filename"), args.get("line")
    return {"file": file, "line": line} if file else {}
