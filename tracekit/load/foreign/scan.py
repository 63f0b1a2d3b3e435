"""Scan: where each event of a Chrome JSON file begins and ends, found without reading what is in it. Knows brackets and quotes.

The file is looked at a megabyte at a time, and an event that is broken costs itself and its neighbour, not the rest: where
brackets do not close, the scan goes on at the next place that looks like the border between two events and is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson

from tracekit.load.foreign.brackets import brackets
from tracekit.load.foreign.mended import Mended
from tracekit.model.trace import Int64

CHUNK = 1 << 20
MOST_EVENT = 16 << 20
MOST_HEAD = 1 << 16  # of the text between the values on the outermost level
MOST_KEYS = 10_000
MOST_DAMAGE = 500

EVENTS = "traceEvents"

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)
_REST_OF_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_KEY = re.compile(rb'"([^"\\]{1,64})"\s{0,64}:\s{0,64}$')
BORDER = re.compile(rb'[}\]]\s{0,64},\s{0,64}(?=\{\s{0,64}")')
_GOES_ON = re.compile(rb'\s{0,64},\s{0,64}(?=\{\s{0,64}")')
_BORDERS = 16  # that are tried
_CUT = "the file is cut off: what comes behind that place is missing"


class Batch(NamedTuple):
    """Some text and the places of the events in it; between them nothing but commas and white space should stand."""

    text: bytes
    begin: Int64
    end: Int64


class Scan:
    """The events of a file, and what stands beside them.

    Attributes:
        head: the text on the outermost level between objects and lists: keys, and the values that are numbers and strings.
        beside: the text of the objects and lists that were wanted, by key.
        found: whether there is a list of events at all.

    Args:
        chunks: the file.
        wanted: keys beside the events.
        most: bytes of each of those.
    """

    def __init__(self, chunks: Iterator[bytes], wanted: frozenset[str], most: int, mended: Mended) -> None:
        self.head = b""
        self.beside: dict[str, bytes] = {}
        self.found = False
        self._chunks = chunks
        self._wanted = wanted
        self._most = most
        self._mended = mended
        self._text = b""
        self._at = 0
        self._damage = 0

    def batches(self) -> Iterator[Batch]:
        """The events, some at a time; nothing where the file holds neither an object nor a list."""
        first = self._first()
        if first == b"[":
            self.found = True
            yield from self._events(alone=True)
        elif first == b"{":
            yield from self._object()
        if self._left() and self._text[self._at :].strip(b" \t\r\n\0"):
            self._mended.say("what stands behind the end of the events is left out")

    def _more(self, least: int = 0) -> bool:
        """Reads on, at least so many bytes; False at the end of the file."""
        parts, size = [self._text[self._at :]], 0
        for chunk in self._chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= least:
                break
        self._text, self._at = b"".join(parts), 0
        return size > 0

    def _first(self) -> bytes:
        """Passes over the first sign that is no white space."""
        if not self._more(3):
            return b""
        if self._text.startswith(b"\xef\xbb\xbf"):
            self._at = 3
        while True:
            rest = self._text[self._at :].lstrip()
            self._text, self._at = rest, 1
            if rest:
                return rest[:1]
            self._at = 0
            if not self._more():
                return b""

    def _object(self) -> Iterator[Batch]:
        """The values on the outermost level, one after another."""
        for _ in range(MOST_KEYS):
            if self._damage > MOST_DAMAGE:
                return
            sign, key = self._next_value()
            if sign == b"[" and key == EVENTS:
                self.found = True
                self._at += 1
                yield from self._events(alone=False)
            elif sign == b"{" and not key and self.found:
                self._damaged()  # an event outside of the list: a bracket closed it too early
                yield from self._events(alone=False)
            elif sign in (b"[", b"{"):
                text = self._value(self._most if key in self._wanted else 0)
                if text is not None:
                    self.beside[key] = text
            elif sign == b"}" and self.found and self._goes_on():
                yield from self._events(alone=False)
            else:
                return
        self._mended.say(f"there are more than {MOST_KEYS} keys on the outermost level: the others are left out")

    def _next_value(self) -> tuple[bytes, str]:
        """The next object or list and its key, and stops before it; behind `}` at the end, b"" where the file is cut off."""
        tail = b""
        while True:
            found = _TOKEN.search(self._text, self._at)
            token = found.group() if found else b""
            if found is None or token == b'"':
                if found and len(self._text) - found.start() > CHUNK:
                    self._at = found.start()
                    if self._value(0, string=True) is None and not self._left():
                        return b"", ""
                    continue
                if not self._more(CHUNK):
                    self._mended.say(_CUT)
                    return b"", ""
                continue
            passed = self._text[self._at : found.end()]
            self._at = found.end()
            if token in (b"{", b"["):
                self._at = found.start()
                key = _KEY.search(tail + passed[:-1][-256:])
                self._keep(passed[:-1])
                return token, key.group(1).decode("utf-8", "replace") if key else ""
            if token == b"}":
                self._keep(passed[:-1])
                return token, ""
            if token == b"]":
                self._damaged()
                if self._damage > MOST_DAMAGE:
                    return b"", ""
            tail = (tail + passed)[-256:]
            self._keep(passed)

    def _keep(self, text: bytes) -> None:
        self.head += text[: MOST_HEAD - len(self.head)]

    def _left(self) -> bool:
        return self._at < len(self._text) or self._more()

    def _goes_on(self) -> bool:
        """Whether events come behind a bracket that should have been the last one."""
        if len(self._text) - self._at < 256:
            self._more(256)
        match = _GOES_ON.match(self._text, self._at)
        if match is None or self._damage > MOST_DAMAGE:
            return False
        self._damaged()
        self._at = match.end()
        return True

    def _damaged(self) -> None:
        self._damage += 1
        self._mended.count("damaged places, around which events may be missing")

    def _value(self, most: int, string: bool = False) -> bytes | None:
        """Passes over an object, a list or a string; its text, unless it is longer than `most` or cut off."""
        parts: list[bytes] = []
        size, depth, window = 0, 0, 1 << 12
        in_string = escaped = False
        while self._left():
            text = self._text[self._at : self._at + window]
            window = min(window * 4, CHUNK)
            if string and size == 0:
                # The quote that begins it is passed over, so that the first one that is left ends it.
                self._at, size, in_string = self._at + 1, 1, True
                continue
            if string:
                end = _end_of_string(text, escaped)
                if end:
                    self._at += end
                    return None
                escaped = (len(text) - len(text.rstrip(b"\\")) + (escaped and not text.strip(b"\\"))) % 2 == 1
                self._at += len(text)
                continue
            found = brackets(text, in_string, escaped)
            in_string, escaped = found.in_string, found.escaped
            depths = depth + np.cumsum(np.where(found.opens, 1, -1))
            closed = np.flatnonzero(depths <= 0)
            passed = text[: int(found.at[closed[0]]) + 1] if len(closed) else text
            self._at += len(passed)
            size += len(passed)
            if size <= most:
                parts.append(passed)
            if len(closed):
                if most and size > most:
                    self._mended.count(f"things larger than {most >> 20} MB were left out")
                return b"".join(parts) if size <= most else None
            depth = int(depths[-1]) if len(depths) else depth
        self._mended.say(_CUT)
        return None

    def _events(self, alone: bool) -> Iterator[Batch]:
        """The events up to the end of their list.

        Args:
            alone: the list is all there is, and need not end.
        """
        while self._damage <= MOST_DAMAGE:
            self._text, self._at = self._text[self._at :], 0
            text = self._text
            found = brackets(text)
            depth = np.cumsum(np.where(found.opens, 1, -1))
            over = np.flatnonzero(depth < 0)
            stop = int(over[0]) if len(over) else len(depth)
            opens, depth, at = found.opens[:stop], depth[:stop], found.at[:stop]
            end = at[~opens & (depth == 0)] + 1
            begin = at[opens & (depth == 1)]
            whole = len(end)
            if whole:
                yield Batch(text, begin[:whole], end)
            if len(over):
                place = int(found.at[stop])
                self._at = place + 1
                if text[place : place + 1] == b"]" and not self._goes_on():
                    return
                if text[place : place + 1] == b"}":
                    self._damaged()
                continue
            unclosed = int(begin[whole]) if len(begin) > whole else -1
            if unclosed < 0 and not found.in_string:
                self._at = len(text)
            else:
                self._at = unclosed if unclosed >= 0 else int(end[-1]) if whole else 0
            if len(self._text) - self._at > CHUNK and not self._next_border():
                whole_event = self._value(MOST_EVENT)
                if whole_event:
                    yield Batch(whole_event, np.zeros(1, np.int64), np.array([len(whole_event)]))
            elif not self._go_on(alone):
                return
        self._mended.say("the file is damaged in so many places that the rest of it is left out")

    def _go_on(self, alone: bool) -> bool:
        """Reads on behind an event that is not whole, or passes over it where it will never be; False at the end."""
        if len(self._text) - self._at > CHUNK or self._more(CHUNK) or self._next_border():
            return True
        if not alone or self._text[self._at :].strip(b", \t\r\n"):
            self._mended.say(_CUT)
        self._at = len(self._text)
        return False

    def _next_border(self) -> bool:
        """Goes to the next event behind one that is broken, if there is one for sure."""
        at = self._at
        border = BORDER.search(self._text, at)
        for _ in range(_BORDERS):
            if border is None:
                return False
            begin = border.end()
            border = BORDER.search(self._text, begin)
            if as_event(self._text[begin : border.start() + 1 if border else self._text.rfind(b"}") + 1]):
                self._damaged()
                self._at = begin
                return True
        return False


def _end_of_string(text: bytes, escaped: bool) -> int:
    """Where the quote is behind that ends the string that the text is in; 0 where there is none."""
    end = _REST_OF_STRING.match(text, int(escaped))
    return end.end() if end else 0


def as_event(text: bytes) -> dict[str, Any] | None:
    """The event that a text is; None for any other text."""
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "ph" in found else None
