"""Owners: whose events they are, by the pid and tid in them, whatever those are. Knows names and numbers, and no event.

In other people's files both may be numbers of any size, texts, or missing; a tid that is missing is the pid. What is
a number, or the text of one, is kept; a name gets a number that nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.values import Room, whole
from tracekit.model.builder import Builder

_CELLS = 32  # that a thread or a process takes


@dataclass(slots=True)
class Line:
    """What lies under one pid and tid: a thread, or what a tool shows like one."""

    process: int
    key: int | str
    name: str = ""
    labels: str = ""


class Owners:
    """The processes and lines of a file.

    Attributes:
        lines: all of them.
    """

    def __init__(self, builder: Builder, room: Room, mended: Mended) -> None:
        self.lines: list[Line] = []
        self._builder = builder
        self._room = room
        self._mended = mended
        self._known: dict[tuple[Any, Any], int | None] = {}
        self._lines: dict[tuple[int, int | str], int] = {}
        self._processes: dict[int | str, int] = {}
        self._keys: list[int | str] = []
        self._names: dict[int, str] = {}
        self._labels: dict[int, str] = {}

    def line(self, pid: Any, tid: Any) -> int | None:
        """The line of an event; None where there are too many."""
        try:
            return self._known[pid, tid]
        except KeyError:
            pass
        except TypeError:  # a list or an object
            return self.line(_key(pid), _key(tid))
        process = self.process(pid)
        found = None if process is None else self._line(process, _key(pid if tid is None else tid))
        if self._room.take(1):
            self._known[pid, tid] = found
        return found

    def process(self, pid: Any) -> int | None:
        """The row of a process; None where there are too many."""
        key = _key(pid)
        found = self._processes.get(key)
        if found is None and self._fits():
            found = self._processes[key] = self._builder.process(0, "")
            self._keys.append(key)
        return found

    def name_process(self, pid: Any, name: str) -> None:
        """Gives a process its name; the last one counts."""
        process = self.process(pid)
        if process is not None:
            self._names[process] = name

    def label_process(self, pid: Any, labels: str) -> None:
        """Says more of a process."""
        process = self.process(pid)
        if process is not None:
            self._labels[process] = labels

    def name_line(self, pid: Any, tid: Any, name: str) -> None:
        """Gives a line its name; the last one counts."""
        line = self.line(pid, tid)
        if line is not None:
            self.lines[line].name = name

    def is_main(self, line: int) -> bool:
        """Whether its tid is its pid."""
        row = self.lines[line]
        return row.key == self._keys[row.process]

    def settle(self) -> None:
        """Gives the processes their numbers and names, once all of them are known."""
        numbers = _numbers(self._keys)
        for process, (key, number) in enumerate(zip(self._keys, numbers)):
            row = self._builder.processes[process]
            row.pid = number
            row.name = self._names.get(process) or (key if isinstance(key, str) and key else f"process {number}")
            if label := self._labels.get(process):
                row.name = f"{row.name} ({label})"

    def threads(self, lines: list[int]) -> dict[int, int]:
        """Adds those lines as threads: the row of each."""
        rows: dict[int, int] = {}
        members: dict[int, list[int]] = {}
        for line in lines:
            members.setdefault(self.lines[line].process, []).append(line)
        for process, own in members.items():
            numbers = _numbers([self.lines[line].key for line in own], self._builder.processes[process].pid)
            for line, number in zip(own, numbers):
                row = self.lines[line]
                main = self.is_main(line)
                fallback = row.key if isinstance(row.key, str) and row.key else "main" if main else f"thread {number}"
                tid = self._builder.processes[process].pid if main else number
                rows[line] = self._builder.thread(process, tid, row.name or fallback, main=main)
        return rows

    def _line(self, process: int, key: int | str) -> int | None:
        found = self._lines.get((process, key))
        if found is None and self._fits():
            found = self._lines[process, key] = len(self.lines)
            self.lines.append(Line(process, key))
        return found

    def _fits(self) -> bool:
        if self._room.take(_CELLS):
            return True
        self._mended.count("processes and threads were left out, because there are too many")
        return False


def _key(value: Any) -> int | str:
    """A number, or a name for what is none."""
    if value is None:
        return 0
    number = whole(value)
    if number is not None:
        return number
    return str(value)[:200] if isinstance(value, str) else ""


def _numbers(keys: list[int | str], *reserved: int) -> list[int]:
    """The numbers as they are; for names, numbers that are free."""
    taken = {*reserved, *(key for key in keys if isinstance(key, int))}
    free = 1
    numbers: list[int] = []
    for key in keys:
        if isinstance(key, int):
            numbers.append(key)
            continue
        while free in taken:
            free += 1
        taken.add(free)
        numbers.append(free)
    return numbers
