"""Parts of slices: each slice begins in one part and goes on in others until it ends. Knows columns, and no format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.export.traces import traces
from tracekit.export import _parts
from tracekit.export._events import depths
from tracekit.export._parts import parts
from tracekit.model.trace import Trace


@pytest.fixture(autouse=True, scope="module")
def few() -> object:
    """Three slices in a part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_parts, "_ROWS", 3)
        yield


@given(traces())
def test_depths_by_parts(trace: Trace) -> None:
    """How deep a slice lies is the same in its part as in the whole."""
    slices = trace.slices
    whole = depths(slices.track, slices.start, slices.end)
    found = np.full(len(slices), -1)
    for rows, opened, _ in parts(slices):
        found[rows[opened:]] = depths(slices.track[rows], slices.start[rows], slices.end[rows])[opened:]
    np.testing.assert_array_equal(found, whole)


@given(traces())
def test_each_begins_and_ends_once(trace: Trace) -> None:
    """Every slice that is not hidden begins in one part, and is let go of in one; those that are open come first."""
    slices = trace.slices
    hidden = slices.name % 3 == 0
    begun, gone = [], []
    opened_before: list[int] = []
    for rows, opened, goes_on in parts(slices, hidden):
        assert rows[:opened].tolist() == opened_before
        begun += rows[opened:].tolist()
        gone += rows[~goes_on].tolist()
        opened_before = rows[goes_on].tolist()
    assert begun == np.flatnonzero(~hidden).tolist() == sorted(gone)
