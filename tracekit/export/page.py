"""Page: what a report is written on, a terminal or a pipe. Knows how text may break out of it, not what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import IO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# In a pipe nobody sees an edge; a line should still be readable when it is pasted somewhere.
_PIPE_WIDTH = 120
_NARROWEST = 40

# What must not reach a terminal from a program's names: control characters move the cursor or recolour, and marks of
# direction reorder what is read.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_COLOURS = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}


def page(stream: IO[str]) -> Console:
    """A console that colours on a terminal only and, in a pipe, writes plain lines of a fixed width."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.width = max(console.width, _NARROWEST)
    return console


def clean(console: Console, text: str) -> str:
    """`text` without what could steer a terminal, and with what the console's encoding lacks spelt out."""
    safe = _UNSAFE.sub(lambda match: repr(match.group())[1:-1], text)
    return safe.encode(console.encoding, "backslashreplace").decode(console.encoding)


def put(console: Console, *things: RenderableType) -> None:
    """Prints some things; in a pipe without the blanks that fill the lines up."""
    if console.is_terminal:
        console.print(*things, sep="\n")
        return
    with console.capture() as printed:
        console.print(*things, sep="\n")
    console.file.write("".join(f"{line.rstrip()}\n" for line in printed.get().splitlines()))


def paragraph(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Prints `text`, wrapped, with every line of it indented."""
    put(console, Padding(Text(clean(console, text), style=style), (0, 0, 0, indent)))


def headline(console: Console, severity: str, text: str) -> None:
    """Prints `text` behind its severity, which is coloured; further lines are indented to the text."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(Text(severity, style=_COLOURS.get(severity, "")), Text(clean(console, text)))
    put(console, grid)


def table(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: int,
    right: int = 1,
    rest: str = "",
) -> None:
    """Prints a table below its title; nothing where it has no rows.

    Args:
        left: how many of the first columns are words; a column of words that nobody has a word for is left out.
        right: how many of the last ones are; those between are numbers.
        rest: a line below it, about rows that were left out.
    """
    rows = list(rows)
    if not rows:
        return
    grid = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    are_words = [index < left or index >= len(columns) - right for index in range(len(columns))]
    shown = [index for index, is_word in enumerate(are_words) if not is_word or any(row[index] for row in rows)]
    for index in shown:
        is_word = are_words[index]
        grid.add_column(
            clean(console, columns[index]), justify="left" if is_word else "right", overflow="fold", no_wrap=not is_word
        )
    for row in rows:
        grid.add_row(*(Text(clean(console, row[index])) for index in shown))
    put(console, "", Text(clean(console, title), style="bold"), Padding(grid, (0, 0, 0, 2)))
    if rest:
        paragraph(console, rest, style="dim", indent=2)
