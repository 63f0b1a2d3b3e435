"""Ids: what events say they belong to, whatever they say it with, as numbers. Knows ids, and no event's other fields.

An id may be a number or a text, of one file or of one process; texts are hexadecimal where arrows have them. What is alike in
category, name and id is one arrow, what is alike in category and id one line of asynchronous events.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Any

from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.values import Room

_LONGEST_HEX = 18


class Ids:
    """The ids of a file."""

    def __init__(self, room: Room, mended: Mended) -> None:
        self._room = room
        self._mended = mended
        self._chains: dict[Hashable, int] = {}
        self._keys: dict[Hashable, int] = {}

    def chain(self, kind: Any, which: Any) -> int | None:
        """The number of an arrow; None where the id is none.

        Args:
            kind: its category and name.
        """
        if not isinstance(which, (str, int, float)) or isinstance(which, bool):
            self._mended.count("arrows without an id were left out")
            return None
        if isinstance(which, str) and len(which) <= _LONGEST_HEX:
            with suppress(ValueError):
                which = int(which, 16)
        try:
            return self._number(self._chains, (kind, which))
        except TypeError:  # a list or an object in the kind
            return self._number(self._chains, ("", which))

    def key(self, event: dict[str, Any], process: int) -> int | None:
        """The number of what an asynchronous event belongs to; None where the id is none."""
        which, own = event.get("id"), event.get("id2")
        local: int | None = None
        if which is None and isinstance(own, dict):
            which = own.get("global")
            if which is None and "local" in own:
                which, local = own["local"], process
        if not isinstance(which, (str, int, float)):
            self._mended.count("asynchronous events without an id were left out")
            return None
        cat, scope = (text if isinstance(text, str) else None for text in (event.get("cat"), event.get("scope")))
        return self._number(self._keys, (cat, scope, local, type(which) is str, which))

    def _number(self, known: dict[Hashable, int], key: Hashable) -> int | None:
        found = known.get(key)
        if found is None:
            if not self._room.take(2):
                self._mended.count("arrows and asynchronous events were left out, because there are too many")
                return None
            found = known[key] = len(known)
        return found
