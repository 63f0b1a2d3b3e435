"""Place: a function, a file and a line, and whose code that is. Knows no trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tracekit.analyze import code, words

_WRITTEN = re.compile(r"(.+) \((.+):(\d+)\)")


class Place(NamedTuple):
    """A place in the code; "" and 0 for what is not known."""

    function: str = ""
    file: str = ""
    line: int = 0

    @classmethod
    def of(cls, args: Mapping[str, Any], function: str = "function", file: str = "file", line: str = "line") -> Place:
        """The place that a slice's or an instant's arguments tell of, under the given keys."""
        number = args.get(line)
        return cls(str(args.get(function) or ""), str(args.get(file) or ""), number if isinstance(number, int) else 0)

    @classmethod
    def read(cls, text: str) -> Place:
        """The place that a text names, written as "function (file:line)"; an empty one where it names none."""
        said = _WRITTEN.fullmatch(text)
        return cls(said[1], said[2], int(said[3])) if said else cls()

    @property
    def is_users(self) -> bool:
        """Whether it lies in the program's own code."""
        return bool(self.file) and code.owner(self.file) is code.Owner.USER

    @property
    def is_librarys(self) -> bool:
        """Whether it lies in code that is not the program's own."""
        return bool(self.file) and not self.is_users

    def __str__(self) -> str:
        return words.place(*self)


def users(*places: Place) -> Place:
    """The first of them that lies in the program's own code; an empty one where none does."""
    return next((place for place in places if place.is_users), Place())


def library_of(*places: Place) -> dict[str, Any] | None:
    """The first of them that lies in an installed library, with the library's name and version."""
    for place in places:
        library = code.library(place.file)
        if library is not None:
            return {"name": library.name, "version": library.version or None, **place._asdict()}
    return None
