"""Stacks: the frames of a sample, out of the tree that all samples share. Knows columns, and nothing of who sampled."""

from __future__ import annotations

from typing import NamedTuple

from tracekit.model.trace import Trace

_MOST = 1000  # frames of one stack; the innermost


class Frame(NamedTuple):
    """A place in code; `line` is 0 where it is not known."""

    function: str
    file: str
    line: int


def frames_of(trace: Trace) -> list[Frame]:
    """All frames of a trace in the order of their rows."""
    strings, frames = trace.strings, trace.frames
    columns = (frames.function.tolist(), frames.file.tolist(), frames.line.tolist())
    return [Frame(strings[function], strings[file], line) for function, file, line in zip(*columns)]


def rows_of(trace: Trace, frame: int) -> list[int]:
    """The rows of a stack's frames, innermost first; [] for -1. Of a stack that is absurdly deep only the inner part.

    Args:
        frame: the row of the innermost one, as in Samples.
    """
    parent = trace.frames.parent
    rows: list[int] = []
    while frame >= 0 and len(rows) < _MOST:
        rows.append(frame)
        frame = int(parent[frame])
    return rows
