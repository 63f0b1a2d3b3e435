"""What a program logs, in the real trace processor. Knows a program and SQL, and no format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.perfetto.processor import TraceProcessor
from tracekit.export.write import write

pytestmark = pytest.mark.perfetto

PROGRAM = """
import asyncio, logging, structlog
import tracekit as tk
structlog.configure(processors=[tk.log_processor, structlog.processors.JSONRenderer()])
logging.getLogger().addHandler(tk.LogHandler())
log = structlog.get_logger()

async def handle(number):
    with tk.span(f"request {number}", number=number):
        await asyncio.sleep(0)
        log.error("it failed", number=number)
        logging.warning("and was slow")

async def main():
    await asyncio.gather(*map(handle, range(3)))

with tk.span("outside"):
    log.info("begins")
asyncio.run(main())
"""

_POINTS = """select name, ts, track_id, extract_arg(arg_set_id, '{prefix}.log level') as level,
    extract_arg(arg_set_id, '{prefix}.tracekit_id') as id from slice where level is not null"""
_AROUND = """select count(*) as n from slice
    where name = '{span}' and track_id = {track_id} and ts <= {ts} and ts + dur >= {ts}"""


@pytest.mark.parametrize(("name", "prefix"), [("out.json", "args"), ("out.pftrace", "debug")])
def test_points_lie_in_the_spans_that_the_log_names(
    run_python: Callable[..., Any], trace_processor: TraceProcessor, tmp_path: Path, name: str, prefix: str
) -> None:
    """Each line of the log is found by its id, on its thread and its task, within the span that it names; nothing complains."""
    pytest.importorskip("structlog")
    ran = run_python(PROGRAM)
    lines = {line["tracekit_id"]: line for line in map(json.loads, ran.stdout.splitlines())}

    write(ran.trace, [], tmp_path / name)
    trace_processor.load(tmp_path / name)

    assert trace_processor.complaints() == {}
    points = trace_processor.query(_POINTS.format(prefix=prefix))
    assert len([point for point in points if point["level"] == "warning"]) == 6
    for key, line in lines.items():
        found = [point for point in points if point["id"] == key]
        assert {(point["name"], point["level"]) for point in found} == {
            (line["event"], "info" if line["event"] == "begins" else "error")
        }
        assert len(found) == (2 if "tracekit_task" in line else 1)
        around = [trace_processor.query(_AROUND.format(span=line["tracekit_span"], **point))[0]["n"] for point in found]
        assert around == [1] * len(found)
