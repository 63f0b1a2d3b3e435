"""The table of pools in both reports, and that a file keeps them. Knows no recording."""

from __future__ import annotations

import io
import json
from pathlib import Path

from tracekit.export import chrome_json
from tracekit.export._pools import pools_as_objects, pools_of_workers
from tracekit.export.page import page
from tracekit.load import load
from tracekit.model.builder import Builder
from tracekit.model.select import window
from tracekit.model.trace import Category, Pool, Trace, TrackKind

MS = 1_000_000


def made() -> Trace:
    """One job of a pool of processes."""
    builder = Builder("hand-made.py")
    builder.process(7, "gone", started=0, ended=MS)
    builder.process(100, "hand-made.py", started=0, ended=100 * MS)
    track = builder.track(TrackKind.THREAD, builder.thread(1, 100, "MainThread"))
    builder.slice(track, 0, 100 * MS, "MainThread", Category.THREAD)
    builder.pools.append(Pool(0, "Other"))
    builder.pools.append(Pool(1, "Pool", limit=4, started=4, used=1, submitted=2, waiting=1))
    times = {f"{end}{part}_ns": MS for end in ("", "result_") for part in ("pickled", "transfer", "unpickled")}
    args = {"queued_ns": 10 * MS, "pickled_bytes": 2_000, "result_bytes": 3_000, "pool": 1, **times}
    builder.slice(track, 20 * MS, 60 * MS, "work", Category.JOB, args=args)
    return builder.build()


def test_table() -> None:
    """The text report has a line for each pool, with waits, runs, sizes and busy workers."""
    out = io.StringIO()
    pools_of_workers(made(), page(out), 15)
    (line,) = [line for line in out.getvalue().splitlines() if line.strip().startswith("Pool ")]
    expected = "Pool 1 of 4 1 10.0 ms 10.0 ms 40.0 ms 40.0 ms 6.00 ms 5.00 kB 0.8, 1 at most"
    assert line.split() == expected.split()


def test_objects() -> None:
    """The JSON report has them in seconds and bytes."""
    (row,) = json.loads(json.dumps(pools_as_objects(made())))
    assert {key: row[key] for key in ("name", "pid", "workers", "started", "used", "submitted", "jobs", "waiting")} == {
        "name": "Pool",
        "pid": 100,
        "workers": 4,
        "started": 4,
        "used": 1,
        "submitted": 2,
        "jobs": 1,
        "waiting": 1,
    }
    assert (row["queued_p50_s"], row["ran_max_s"], row["travel_total_s"]) == (0.01, 0.04, 0.006)
    assert (row["sent_bytes"], row["received_bytes"], row["busy_peak"], row["wanted"]) == (2_000, 3_000, 1, 1)


def test_nothing_to_say() -> None:
    """Without a pool there is no table."""
    out = io.StringIO()
    pools_of_workers(Builder().build(), page(out), 15)
    assert out.getvalue() == ""


def test_file_keeps_pools(tmp_path: Path) -> None:
    """What a trace knows of its pools is in the file, and comes back from it."""
    trace, path = made(), tmp_path / "trace.json"
    chrome_json.write(trace, [], path)
    assert load(str(path)).pools == trace.pools


def test_window_keeps_pools() -> None:
    """A part of a trace has the pools of the processes that it has, and its jobs theirs."""
    part = window(made(), 30 * MS)
    assert [pool.name for pool in part.pools] == ["Pool"]
    assert [row["name"] for row in pools_as_objects(part)] == ["Pool"]
