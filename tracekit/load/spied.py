"""Spied: what py-spy saw, look by look, out of the file in Chrome's format that it writes. Knows that file, and no clock.

py-spy writes only how a thread's stack differs from the one at its last look, so what a thread did at a look at which nothing is
said of it is what it did before. It keeps one last stack for all threads that have the same pthread_t, as forks have: what ends
and begins is to be read in its order, whatever process it says.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

import orjson

from tracekit.model.builder import Builder

WAITING = -2  # in place of a frame: the program had not begun
_HELD = "held"
_HOLD = ("hold", "/tracekit/record/held.py")
_CHUNK = 4 << 20
_BETWEEN = b'},{"args":{'  # no string holds that: a quote in one has a backslash
_THREAD = re.compile(r"thread \((0[xX][0-9A-Fa-f]+|\d+)\)(?:: (.*))?", re.DOTALL)
_PROCESS = re.compile(r'process \d+:".*', re.DOTALL)
_MOST_FRAMES = 1 << 16
_LONGEST = 64 << 20  # bytes of an object


class Who(NamedTuple):
    """A thread as py-spy knows it: by its tid; where it knows none (0, of Python 3.10) by its pthread_t, which is used again."""

    pid: int
    tid: int
    key: int = 0


@dataclass
class Told:
    """What was told of one thread: stamps (µs) of the looks that found it changed; its innermost frame from then on, or WAITING;
    its name, "" as long as Python knows none.
    """

    stamps: array[int] = field(default_factory=lambda: array("q"))
    frames: array[int] = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)


class Spied:
    """All looks of one recording.

    Args:
        builder: gets the frames.
        others: pids of processes that are not the program's.
        beacon: the one of them that is a beacon (observe/beacon.py).
        beat: the function that it calls.

    Attributes:
        threads: what was told of each.
        stamps: of each look at the beacon, µs.
        lines: of the beat that it saw, 0 where the beacon was between two.
    """

    def __init__(self, builder: Builder, others: frozenset[int], beacon: int, beat: str) -> None:
        self.threads: dict[Who, Told] = {}
        self.stamps, self.lines = array("q"), array("q")
        self._builder = builder
        self._others = others | {beacon}
        self._beacon = beacon
        self._beat = beat
        self._stacks: dict[int, list[tuple[int, str, int]]] = {}  # of each pthread_t: row, and what it is if no frame

    def read(self, file: BinaryIO) -> None:
        """Take in a whole file.

        Raises:
            ValueError: it is no such file, or cut off; what came before that is taken in.
        """
        current: tuple[int, int, int] | None = None
        for event in _events(file):
            phase, stamp, pid, key = event.get("ph"), event.get("ts"), event.get("pid"), event.get("tid")
            if phase not in ("B", "E") or not (type(stamp) is int and type(pid) is int and type(key) is int):
                continue
            if current != (key, pid, stamp):
                self._look(current)
                current = (key, pid, stamp)
            if phase == "E":
                stack = self._stacks.get(key)
                if stack:
                    stack.pop()
            else:
                self._push(key, event)
        self._look(current)

    def _push(self, key: int, event: dict[str, Any]) -> None:
        args, name = event.get("args"), event.get("name")
        if not isinstance(args, dict) or not isinstance(name, str):
            raise ValueError("an event is none of py-spy's")
        file, line = args.get("filename"), args.get("line")
        file, line = file if isinstance(file, str) else "", line if type(line) is int and line > 0 else 0
        stack = self._stacks.setdefault(key, [])
        parent = stack[-1][0] if stack else -1
        if parent < 0 and not file and (_label(name) or _PROCESS.fullmatch(name)):
            stack.append((-1, name, 0))
        elif event["pid"] in self._others:
            stack.append((-1, name, line))
        elif name == _HOLD[0] and file.endswith(_HOLD[1]):
            stack.append((parent, _HELD, 0))
        elif len(stack) < _MOST_FRAMES:
            stack.append((self._builder.frame(parent, name, file, min(line, 2**31 - 1)), "", 0))

    def _look(self, at: tuple[int, int, int] | None) -> None:
        """All is told of one look at one thread."""
        if at is None:
            return
        key, pid, stamp = at
        stack = self._stacks.get(key)
        if not stack:
            return
        if pid == self._beacon:
            self.stamps.append(stamp)
            self.lines.append(next((line for _, what, line in stack if what == self._beat), 0))
        if pid in self._others:
            return
        number, name = next((label for _, what, _ in stack if what and (label := _label(what))), ("0", ""))
        if number == "0":  # Python has more of them than there are threads
            return
        who = Who(pid, int(number)) if number.isdecimal() else Who(pid, 0, key)
        told = self.threads.get(who)
        if told is None:
            told = self.threads[who] = Told()
        told.stamps.append(stamp)
        told.frames.append(WAITING if any(what == _HELD for _, what, _ in stack) else stack[-1][0])
        told.names.append(name)


@lru_cache(maxsize=1 << 12)
def _label(text: str) -> tuple[str, str] | None:
    """The number and the name of the thread that py-spy's frame for it tells; None for other frames."""
    match = _THREAD.fullmatch(text)
    return None if match is None else (match[1], match[2] or "")


def _events(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The objects of an array in JSON, of which only some are in memory at a time."""
    rest = file.read(1)
    if rest != b"[":
        raise ValueError("it is no array")
    rest = b""
    while chunk := file.read(_CHUNK):
        rest += chunk
        cut = rest.rfind(_BETWEEN)
        if cut >= 0:
            yield from _parsed(b"[" + rest[: cut + 1] + b"]")
            rest = rest[cut + 2 :]
        elif len(rest) > _LONGEST:
            raise ValueError("it holds something that is too large")
    yield from _parsed(b"[" + rest)


def _parsed(text: bytes) -> list[dict[str, Any]]:
    found = orjson.loads(text)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("it is no array of objects")
    return found
