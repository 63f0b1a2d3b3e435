"""Exported traces in the real trace processor: what went in comes out, uncomplained of. Knows SQL, and no JSON."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.export.traces import traces
from tests.perfetto.processor import TraceProcessor
from tracekit.export._plain import clean
from tracekit.export.chrome_json import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, FlowKind, Trace, TrackKind

pytestmark = pytest.mark.perfetto

_ARROWS = """select sender.ts as sent, receiver.ts as received from flow
    join slice sender on sender.id = slice_out join slice receiver on receiver.id = slice_in"""


def _expected(trace: Trace) -> Counter[tuple[str, int, int, int]]:
    """Name, start, length and depth of each slice; a stack in place of the arithmetic of the exporter."""
    rows: Counter[tuple[str, int, int, int]] = Counter()
    slices = trace.slices
    stack: list[tuple[int, int]] = []
    track_before = -1
    for track, start, end, name in zip(*(c.tolist() for c in (slices.track, slices.start, slices.end, slices.name))):
        if track != track_before:
            stack, track_before = [], track
        while stack and (stack[-1][1] < start or stack[-1][0] < stack[-1][1] == start):
            stack.pop()
        rows[clean(trace.strings[name]) or "[No name]", start, end - start, len(stack)] += 1
        stack.append((start, end))
    return rows


def _arrows(trace: Trace) -> Counter[int]:
    """When the arrows of the trace arrive."""
    return Counter(trace.slices.start[trace.flows.target].tolist())


def _check(processor: TraceProcessor, trace: Trace, path: Path) -> None:
    write(trace, [], path)
    processor.load(path)
    assert processor.complaints() == {}
    drawn = processor.query("select name, ts, dur, depth, ifnull(category, '') as category from slice")
    assert all(row["dur"] >= 0 for row in drawn)
    seen = Counter((row["name"], row["ts"], row["dur"], row["depth"]) for row in drawn)
    expected = _expected(trace)
    assert expected <= seen, expected - seen
    arrows = processor.query(_ARROWS)
    assert Counter(row["received"] for row in arrows) == _arrows(trace)
    assert all(row["sent"] <= row["received"] for row in arrows)
    assert len(drawn) >= len(trace.slices) + len(trace.instants) + len(arrows)
    finite = int(np.isfinite(trace.counters.value).sum())
    assert processor.query("select count(*) as n from counter") == [{"n": finite}]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trace=traces())
def test_nothing_is_lost(trace_processor: TraceProcessor, trace: Trace, tmp_path: Path) -> None:
    """Every slice arrives with its depth, every arrow, instant and counter too, and no row of `stats` complains."""
    _check(trace_processor, trace, tmp_path / "trace.json")
