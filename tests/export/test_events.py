"""Begins and ends of nested slices in their order: both cores agree with a stack. Knows columns, and no format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.export.traces import traces
from tracekit.export._events import depths, events_by_core, events_by_numpy
from tracekit.model.trace import Slices, Trace
from tracekit.spool.core import core

ORDERS = [events_by_numpy, *([events_by_core] if core.fast is not None else [])]


def by_stack(slices: Slices) -> tuple[list[tuple[int, bool]], list[int]]:
    """Whose begins and ends, and how deep each slice lies."""
    events: list[tuple[int, bool]] = []
    deep: list[int] = []
    stack: list[int] = []
    for at in range(len(slices)):
        start = slices.start[at]
        while stack and (
            slices.track[stack[-1]] != slices.track[at]
            or slices.end[stack[-1]] < start
            or slices.start[stack[-1]] < slices.end[stack[-1]] == start
        ):
            events.append((stack.pop(), True))
        deep.append(len(stack))
        stack.append(at)
        events.append((at, False))
    return events + [(at, True) for at in reversed(stack)], deep


@pytest.mark.parametrize("order", ORDERS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traces())
def test_any_trace(order: Any, trace: Trace) -> None:
    """Each slice begins and ends once, inner ones end first, and points lie in the points of their time before them."""
    slices = trace.slices
    events, deep = by_stack(slices)
    found = order(slices.track, slices.start, slices.end)
    assert list(zip(found.slice.tolist(), found.is_end.tolist())) == events
    assert depths(slices.track, slices.start, slices.end).tolist() == deep


@pytest.mark.parametrize("order", ORDERS)
def test_of_nothing(order: Any) -> None:
    """Of no slices there are no events."""
    none = np.zeros(0, np.int64)
    assert [len(column) for column in order(none.astype(np.int32), none, none)] == [0, 0]


@pytest.mark.skipif(core.fast is None, reason="there is no core in C")
@pytest.mark.parametrize("name", ["begins_and_ends", "doubtful"])
def test_columns_that_are_none(name: str) -> None:
    """The core in C takes no column of another type or length."""
    track, time = np.zeros(2, np.int32), np.zeros(2, np.int64)
    function = getattr(core.fast, name)
    for columns in (
        (time, time, time),
        (track, time, time[1:]),
        (track, track, time),
        (track[::2], time, time),
        (1, 2, 3),
    ):
        with pytest.raises((TypeError, ValueError, BufferError)):
            function(*columns)
