"""Kinds: the tables that a Trace has, by name, and the classes of their rows or columns. Knows none of their contents."""

from __future__ import annotations

from tracekit.model.trace import (
    Counters,
    Flows,
    Frames,
    Instants,
    Loop,
    Pool,
    Process,
    Samples,
    Slices,
    States,
    Task,
    Thread,
    Track,
    Undrawn,
)

# Lists of rows.
ROWS: dict[str, type] = {
    "processes": Process,
    "threads": Thread,
    "loops": Loop,
    "tasks": Task,
    "tracks": Track,
    "states": States,
    "pools": Pool,
}
# Columns of numbers.
COLUMNS: dict[str, type] = {
    "slices": Slices,
    "instants": Instants,
    "counters": Counters,
    "flows": Flows,
    "undrawn": Undrawn,
    "frames": Frames,
    "samples": Samples,
}
