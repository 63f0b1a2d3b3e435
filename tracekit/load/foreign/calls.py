"""Calls: the names that recorders of all calls give them, taken apart. Knows their ways to write them, and no event."""

from __future__ import annotations

import re

_LONGEST_LINE = 9  # of its digits
_PY_SPY = re.compile(r"thread \((?P<tid>\d{1,18})\)(?:: (?P<name>.*))?", re.DOTALL)


def parse(name: str) -> tuple[str, str, int]:
    """Function, file and line of "function (file:line)" or "file(line): function"; only a function where it is neither."""
    before, colon, line = name.removesuffix(")").rpartition(":")
    function, bracket, file = before.partition(" (")
    if colon and bracket and function and file and name.endswith(")") and _is_line(line):
        return function, file, int(line)
    before, bracket, function = name.partition("): ")
    file, opened, line = before.rpartition("(")
    if bracket and opened and function and file and _is_line(line):
        return function, file, int(line)
    return name, "", 0


def parse_thread(frame: str) -> tuple[int, str] | None:
    """Thread id and name of the outermost frame "thread (id): name" that py-spy writes on request; None for another."""
    match = _PY_SPY.fullmatch(frame)
    return (int(match["tid"]), match["name"] or "") if match else None


def _is_line(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_LINE
