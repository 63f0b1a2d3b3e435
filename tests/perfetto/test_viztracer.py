"""Calls that viztracer recorded, in the real trace processor: within the spans that they ran in. Knows SQL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.perfetto.processor import TraceProcessor

pytestmark = pytest.mark.perfetto

PROGRAM = """
import asyncio, multiprocessing, threading
import tracekit as tk

def known():
    return sum(range(100))

def working():
    with tk.span("outer"):
        known()

async def handling():
    with tk.span("across"):
        known()
        await asyncio.sleep(0)
        known()

async def main():
    await asyncio.gather(handling(), handling())

if __name__ == "__main__":
    thread = threading.Thread(target=working)
    thread.start()
    thread.join()
    asyncio.run(main())
    process = multiprocessing.get_context("fork").Process(target=working)
    process.start()
    process.join()
"""

# The innermost span around each call of `known`, and on how many tracks and in how many processes there are any.
WITHIN = """
    select span.name as name, count(*) as n, count(distinct call.track_id) as tracks
    from slice call join ancestor_slice(call.id) span
    where call.name glob 'known (*' and span.name in ('outer', 'across') group by 1 order by 1
"""


@pytest.mark.parametrize("ending", ["json", "pftrace"])
def test_calls_lie_in_spans(trace_processor: TraceProcessor, tmp_path: Path, ending: str) -> None:
    """On threads, on tasks' tracks, and in two processes a known function's call lies in its span; nothing is complained of."""
    (tmp_path / "program.py").write_text(PROGRAM)
    output = tmp_path / f"out.{ending}"
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-o", str(output), "--viztracer", "program.py"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)

    trace_processor.load(output)

    assert trace_processor.complaints() == {}
    # Four calls in two tasks: on the thread, and again on the tracks of both; two in threads of two processes.
    assert trace_processor.query(WITHIN) == [
        {"name": "across", "n": 8, "tracks": 3},
        {"name": "outer", "n": 2, "tracks": 2},
    ]
    assert trace_processor.query("select count(*) as n from slice where name glob 'known (*'") == [{"n": 10}]
