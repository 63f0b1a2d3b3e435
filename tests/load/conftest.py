"""Sessions written record by record, and their traces, which must be sound. Knows no interpretation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spool_writer import SpoolWriter

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import FlowKind, Trace

Loaded = Callable[..., Trace]
Arrow = tuple[str, str, int, str]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Writes spools into a session, loads it, and sees to it that the trace is sound."""

    def make(*spools: SpoolWriter) -> Trace:
        for spool in spools:
            spool.write(tmp_path)
        trace = load(tmp_path)
        assert check(trace) == []
        return trace

    return make


@pytest.fixture
def arrows() -> Callable[[Trace], list[Arrow]]:
    """Kind, name of the source's track, time and name of the target of each arrow, by time."""

    def make(trace: Trace) -> list[Arrow]:
        flows, slices = trace.flows, trace.slices
        rows = zip(*(column.tolist() for column in (flows.kind, flows.track, flows.time, flows.target)))
        return sorted(
            (
                (FlowKind(kind).name, trace.tracks[track].name, time, trace.strings[slices.name[target]])
                for kind, track, time, target in rows
            ),
            key=lambda arrow: arrow[2],
        )

    return make
