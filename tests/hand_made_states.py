"""Tracks of states laid out by hand: slices and the row that sums them up. Knows the builder and no test; times are in ms."""

from __future__ import annotations

from tracekit.model.builder import Builder
from tracekit.model.trace import STATE_FIELDS, UNLOCKED, Category, States, TrackKind

MS = 1_000_000


def lay_states(
    builder: Builder, thread: int, *parts: tuple[float, str], start: float = 0, switches: int = 0, times: int = 1
) -> States:
    """Lays a thread's states one after another, as often as wanted, and adds its row.

    Args:
        parts: how long (ms), and in which state: a name of STATE_FIELDS.
        start: of the first (ms).
    """
    row = States(thread, switches=switches)
    track, at, ready = builder.track(TrackKind.STATES, thread), round(start * MS), 0
    for length, name in parts * times:
        ns, field = round(length * MS), STATE_FIELDS[name]
        builder.slice(track, at, at + ns, name, Category.STATE)
        setattr(row, field, getattr(row, field) + ns)
        if name == UNLOCKED:
            row.unlocked = max(row.unlocked, 0) + ns
        ready = ready + ns if field in ("runnable", "gil") else 0
        row.longest_ready = max(row.longest_ready, ready)
        at += ns
    builder.states.append(row)
    return row
