"""Rows of the matrix: a tiny program, and what its trace must say. Knows neither the programs nor how a trace is read.

A program is a coroutine function without arguments. It runs as a task of the program's own name; the line that the row is about
ends in the comment `# here`.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

MARK = "# here"

Program = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        program: what runs.
        says: what its trace must say; of each table its own keys.
        since: the first Python that can run it.
        uvloop: what is said otherwise on uvloop.
    """

    program: Program
    says: dict[str, Any]
    since: tuple[int, int] = (3, 10)
    uvloop: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.program.__name__

    def expected(self, loop: str) -> dict[str, Any]:
        """What the trace must say where it ran on this loop."""
        return self.says | (self.uvloop if loop == "uvloop" else {})

    def here(self) -> tuple[str, int]:
        """The function and the line that the row is about."""
        lines, first = inspect.getsourcelines(self.program)
        (at,) = [number for number, line in enumerate(lines) if line.rstrip().endswith(MARK)]
        depth = _indent(lines[at])
        for line in reversed(lines[:at]):
            words = line.replace("async def", "def").split()
            if words and _indent(line) < depth:
                depth = _indent(line)
                if words[0] == "def":
                    return words[1].partition("(")[0], first + at
        raise AssertionError(f"no function around {MARK} in {self.name}")


class Table(list[Row]):
    """Rows of one kind."""

    def __call__(
        self, *, since: tuple[int, int] = (3, 10), uvloop: dict[str, Any] | None = None, **says: Any
    ) -> Callable[[Program], Program]:
        """Adds the function below as a row, where this Python can run it."""

        def add(program: Program) -> Program:
            if sys.version_info >= since:
                self.append(Row(program, says, since, uvloop or {}))
            return program

        return add


async def run(table: Table) -> None:
    """Runs the programs of a table one after the other, each as a task; how they end is theirs."""
    for row in table:
        await asyncio.wait([asyncio.create_task(row.program(), name=row.name)])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
