"""The text twin of a spool: every field under the meaning that the table gives it. Knows no trace."""

from __future__ import annotations

from pathlib import Path

from spool_writer import SpoolWriter

from tracekit import events
from tracekit.spool.reader import read_spool
from tracekit.spool.text import lines


def test_a_spool_as_text(tmp_path: Path) -> None:
    """Header, threads, records and details each say what they are, names in full."""
    spool = SpoolWriter(pid=7, ppid=3)
    begin = spool.record(
        10, events.SPAN_BEGIN, "load", 0, spool.arg("rows", -3), spool.arg("share", 0.5), spool.arg("ok", True)
    )
    spool.record(11, events.SPAN_END, "load", begin, (events.ERROR, 0, spool.name("KeyError")))
    spool.record(12, events.TASK_DONE, events.OUTCOME_CANCELLED, 4, thread=2)
    spool.record(13, events.CALLBACK_BEGIN, "timer", 0, spool.code("timer", "app.py", 9), thread=2)
    assert list(lines(read_spool(spool.write(tmp_path)))) == [
        "spool pid=7 ppid=3 fork=0 ended=1 dropped=0",
        "thread 1 tid=7",
        f"  10 @{begin} span begin name='load' [int 'rows' -3] [float 'share' 0.5] [true 'ok' 0]",
        f"  11 @{begin + 4} span end name='load' slot of its begin={begin} [error 'KeyError']",
        "thread 2 tid=8",
        f"  12 @{begin + 1024} task done outcome=cancelled serial of the task=4",
        f"  13 @{begin + 1025} callback begin name='timer' [code timer app.py:9]",
    ]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """A name that is not there, a kind that nobody knows and a detail without a record are shown as such."""
    spool = SpoolWriter()
    spool.record(5, events.ARG_INT)
    spool.record(10, events.INSTANT, 77)
    spool.record(11, 199, 1, 2)
    text = "\n".join(lines(read_spool(spool.write(tmp_path))))
    assert "(no record) [int name 0, missing 5]" in text
    assert "instant name=name 77, missing" in text
    assert "unknown kind 199 a=1 b=2" in text
