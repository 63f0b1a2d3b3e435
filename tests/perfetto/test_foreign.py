"""Other tools' files, opened in Perfetto as they are and after tracekit has read and written them: both show the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.perfetto.processor import TraceProcessor
from tracekit.export.chrome_json import write
from tracekit.load import load
from tracekit.model.check import check

pytestmark = pytest.mark.perfetto

_SLICES = """select s.name, ts, dur, t.name as line, (select count(*) from args a where a.arg_set_id = s.arg_set_id
    and a.key = 'args.own') as own from slice s left join thread_track tt on s.track_id = tt.id left join thread t using (utid)"""
_ARROWS = """select sender.ts as sent, receiver.ts as received from flow
    join slice sender on sender.id = slice_out join slice receiver on receiver.id = slice_in"""
_COUNTERS = "select ts, value, t.name as name from counter c join process_counter_track t on c.track_id = t.id"

LIFE = "life of a thread"


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Sound events of some threads, in any order; each thread has one slice around all others."""
    events: list[dict[str, Any]] = []
    base = draw(st.sampled_from([0, 48_000_000_000_000]))

    def us(time: int) -> float:
        return (base + time) / 1000

    def lay(tid: int, start: int, end: int, depth: int) -> None:
        at = start
        while depth < 4 and at < end - 2 and draw(st.booleans()):
            begin = draw(st.integers(at, end - 2))
            stop = draw(st.integers(begin + 1, end))
            name = draw(st.sampled_from("abc"))
            own = {"args": {"own": draw(st.integers(0, 9))}} if draw(st.booleans()) else {}
            events.append(
                {"ph": "X", "ts": us(begin), "dur": (stop - begin) / 1000, "pid": 7, "tid": tid, "name": name, **own}
            )
            lay(tid, begin, stop, depth + 1)
            at = stop

    for tid in range(7, 7 + draw(st.integers(1, 3))):
        events.append({"ph": "X", "ts": us(0), "dur": 5.0, "pid": 7, "tid": tid, "name": LIFE})
        events.append({"ph": "M", "ts": 0, "pid": 7, "tid": tid, "name": "thread_name", "args": {"name": LIFE}})
        lay(tid, 0, 5000, 0)
    slices = [event for event in events if event["ph"] == "X"]
    for number in range(draw(st.integers(0, 4))):
        first, second = draw(st.sampled_from(slices)), draw(st.sampled_from(slices))
        if first["ts"] < second["ts"]:
            arrow = {"cat": "c", "name": "arrow", "id": number + 1, "pid": 7}
            events.append({**arrow, "ph": "s", "ts": first["ts"], "tid": first["tid"]})
            events.append({**arrow, "ph": "f", "bp": "e", "ts": second["ts"], "tid": second["tid"]})
    times = draw(st.lists(st.integers(0, 4999), max_size=4))
    events += [{"ph": "C", "ts": us(time), "pid": 7, "name": "n", "args": {"x": time / 7}} for time in times]
    return draw(st.permutations(events))


def _shown(processor: TraceProcessor, path: Path) -> tuple[Counter[Any], Counter[Any], Counter[Any]]:
    """Slices, arrows and counters that Perfetto shows, with times that count from the first one."""
    processor.load(path)
    assert processor.complaints() == {}
    slices = processor.query(_SLICES)
    first = min(row["ts"] for row in slices)
    drawn = Counter((row["name"], row["ts"] - first, row["dur"], row["line"], row["own"]) for row in slices)
    arrows = Counter((row["sent"] - first, row["received"] - first) for row in processor.query(_ARROWS))
    values = Counter((row["ts"] - first, row["name"], row["value"]) for row in processor.query(_COUNTERS))
    return drawn, arrows, values


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=documents())
def test_the_same_as_before(trace_processor: TraceProcessor, events: list[dict[str, Any]], tmp_path: Path) -> None:
    """Perfetto shows the same slices, arrows and counters of a file and of what tracekit makes of it."""
    original, made = tmp_path / "original.json", tmp_path / "made.json"
    original.write_text(json.dumps({"traceEvents": events}))
    trace = load(original)
    assert check(trace) == []
    write(trace, [], made)
    before, after = _shown(trace_processor, original), _shown(trace_processor, made)
    lives = Counter({key: count for key, count in before[0].items() if key[0] == LIFE})
    senders = Counter({key: count for key, count in (after[0] - before[0] - lives).items() if key[2] == 0})
    assert after[0] - senders == before[0] + lives
    assert sum(senders.values()) <= 2 * sum(
        after[1].values()
    )  # a point where each leaves, and one more where several arrive
    assert after[1:] == before[1:]


def test_viztracers_own_file(trace_processor: TraceProcessor, tmp_path: Path) -> None:
    """Of viztracer's own file every call is there, at the same time, with the same length."""
    (tmp_path / "app.py").write_text("def f(n):\n    return sum(i for i in range(n))\nfor n in range(20):\n    f(n)\n")
    command = [sys.executable, "-m", "viztracer", "-o", "out.json", "app.py"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=100)
    original, made = tmp_path / "out.json", tmp_path / "made.json"
    write(load(original), [], made)
    before, after = _shown(trace_processor, original), _shown(trace_processor, made)
    assert Counter((row[0].partition(" (")[0], *row[1:3]) for row in before[0].elements()) <= Counter(
        row[:3] for row in after[0].elements()
    )
    assert sum(after[0].values()) == sum(before[0].values()) + 1
