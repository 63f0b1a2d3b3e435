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
    spool.record(11, events.SPAN_END, 0, begin, (events.ERROR, 0, spool.name("KeyError")))
    spool.record(12, events.TASK_DONE, events.OUTCOME_CANCELLED, 4, thread=2)
    spool.record(13, events.CALLBACK_BEGIN, "timer", 0, spool.code("timer", "app.py", 9), thread=2)
    assert list(lines(read_spool(spool.write(tmp_path)))) == [
        "spool pid=7 ppid=3 fork=0 ended=1 dropped=0",
        "thread 1 tid=7",
        f"  10 @{begin} span begin name='load' [int 'rows' -3] [float 'share' 0.5] [true 'ok' 0]",
        f"  11 @{begin + 4} span end slot of its begin={begin} [error 'KeyError']",
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


def test_texts_and_what_is_carried(tmp_path: Path) -> None:
    """Texts are shown whole, however many details they take; a flight recorder's header and carried records are told."""
    spool = SpoolWriter(pid=7, clock=1, flight_ns=10, let_go=9)
    slot = spool.carry(8, events.THREAD_BEGIN, 0, 1, spool.inline("MainThread, so to say"), slot=5)
    own = spool.record(10, events.INSTANT, 0, 0, spool.inline("tick"), spool.arg("who", "ä" * 20), spool.arg("n", 1))
    spool.record(11, events.CLOCK, 0, 0, (events.READING, 0, 12))
    at = own + 6
    assert list(lines(read_spool(spool.write(tmp_path)))) == [
        "spool pid=7 ppid=0 fork=0 ended=1 dropped=0 clock=tsc flight_ns=10 let_go=9",
        "thread 1 tid=7 carried=3",
        f"  8 @{slot} thread begin serial of this thread=1 [name 'MainThread, so to say']",
        f"  10 @{own} instant [name 'tick'] [text 'who' '{'ä' * 20}'] [int 'n' 1]",
        f"  11 @{at + 1} clock [reading 12]",
    ]
