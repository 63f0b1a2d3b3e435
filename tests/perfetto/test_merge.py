"""Merged traces in the real trace processor: on one thread, one in the other, uncomplained of. Knows SQL, and no command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.perfetto.processor import TraceProcessor
from tracekit.export.write import write
from tracekit.model.builder import Builder
from tracekit.model.merge import merge
from tracekit.model.trace import Category, Trace, TrackKind

pytestmark = pytest.mark.perfetto

MS = 1_000_000


def _made(program: str, category: Category, *names: tuple[str, int, int], pid: int = 7) -> Trace:
    builder = Builder(program, wall_start=1)
    process = builder.process(pid, program, python="3.11.7" if category == Category.SPAN else "")
    track = builder.track(TrackKind.THREAD, builder.thread(process, pid, "MainThread", main=True))
    builder.slice(track, 0, 100 * MS, "MainThread", Category.THREAD)
    for name, start, end in names:
        builder.slice(track, start * MS, end * MS, name, category)
    return builder.build()


@pytest.mark.parametrize("ending", [".json", ".pftrace"])
def test_a_call_lies_in_its_span(trace_processor: TraceProcessor, tmp_path: Path, ending: str) -> None:
    """What two recorders saw of one thread is one stack there; what crosses lies beside it; another process has its number."""
    spans = _made("app.py", Category.SPAN, ("load", 10, 40))
    calls = _made("calls", Category.CALL, ("read", 15, 25), ("crossing", 30, 70))
    stranger = _made("app.py", Category.SPAN, ("load", 20, 30))
    write(merge([spans, calls, stranger], [0, 0, 0], ["a", "b", "c"]), [], tmp_path / f"merged{ending}")
    trace_processor.load(tmp_path / f"merged{ending}")
    assert trace_processor.complaints() == {}
    rows = trace_processor.query(
        "select s.name, p.name as parent, s.ts, s.dur from slice s left join slice p on p.id = s.parent_id "
        "where s.name in ('load', 'read', 'crossing') order by s.ts"
    )
    start = trace_processor.query("select start_ts from trace_bounds")[0]["start_ts"]
    assert [(row["name"], row["parent"], (row["ts"] - start) // MS, row["dur"] // MS) for row in rows] == [
        ("load", "MainThread", 10, 30),
        ("read", "load", 15, 10),
        ("load", "MainThread", 20, 10),
        ("crossing", None, 30, 40),
    ]
    pids = trace_processor.query("select pid from process where pid > 0 order by pid")
    assert [row["pid"] for row in pids] == [7, 10_000_007]
