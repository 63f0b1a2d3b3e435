"""Stalls: what is seen in the spools of a running session. Knows no program: the spools are made here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tracekit import events
from tracekit.observe.stalls import Stalls
from tracekit.record.recorder import Recorder
from tracekit.spool.limits import Limits

_THRESHOLD = 50


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time, to be set."""
    now = [10**12]
    monkeypatch.setattr("tracekit.clock.monotonic_ns", lambda: now[0])
    return now


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Writes a spool as this process."""
    return Recorder(str(tmp_path), Limits(flight_bytes=1_000_000))


def test_hanging(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A step that goes on for longer than the threshold is told once; the next one again."""
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    told = f"an event loop is blocked (process {os.getpid()})"
    for task in (1, 2):
        recorder.write(events.STEP_BEGIN, 0, task)
        assert stalls.look() == []
        clock[0] += _THRESHOLD
        assert stalls.look() == []
        clock[0] += 1
        assert stalls.look() == [told]
        clock[0] += 1000
        assert stalls.look() == []
        recorder.write(events.STEP_END, 0, task)


def test_busy(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """Many short steps are no block, however long they go on; neither is a loop that waits."""
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    for _ in range(5):
        recorder.write(events.STEP_BEGIN, 0, 1)
        assert stalls.look() == []
        clock[0] += 40
        recorder.write(events.STEP_END, 0, 1)
    clock[0] += 1000
    assert stalls.look() == []


def test_hanging_with_spans(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A callback that hangs while it records more than a block holds is found all the same."""
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    recorder.write(events.CALLBACK_BEGIN)
    for _ in range(5000):
        recorder.write(events.INSTANT)
    assert stalls.look() == []
    clock[0] += 1000
    assert len(stalls.look()) == 1


def test_asked(tmp_path: Path, recorder: Recorder) -> None:
    """What a process asks for is told once, with its reason."""
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    assert stalls.look() == []
    recorder.ask_for_dump("the end is near")
    assert stalls.look() == [f"the end is near (process {os.getpid()})"]
    assert stalls.look() == []


def test_a_block_is_told_once(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A step that was seen to hang is not told of again when it has ended and its process says so."""
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    recorder.write(events.STEP_BEGIN, 0, 1)
    stalls.look()
    clock[0] += 1000
    assert len(stalls.look()) == 1
    recorder.write(events.STEP_END, 0, 1)
    recorder.ask_for_dump("an event loop was blocked")
    assert stalls.look() == []
    recorder.ask_for_dump("an event loop was blocked")
    assert len(stalls.look()) == 1


def test_dead(tmp_path: Path, clock: list[int]) -> None:
    """What a process was doing when it was killed does not hang."""
    ready, child_s = os.pipe()
    child = os.fork()
    if not child:
        try:
            Recorder(str(tmp_path)).write(events.STEP_BEGIN, 0, 1)
            os.write(child_s, b"x")
            signal.pause()
        finally:
            os._exit(0)
    os.read(ready, 1)
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    assert stalls.look() == []
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(child_s)

    clock[0] += 1000
    assert stalls.look() == []


def test_damage(tmp_path: Path, recorder: Recorder) -> None:
    """Files that are none of ours, are cut off, or go, are no trouble."""
    (tmp_path / "garbage.spool").write_bytes(b"garbage")
    stalls = Stalls(str(tmp_path), _THRESHOLD)
    assert stalls.look() == []
    os.unlink(recorder.spool.path)
    assert stalls.look() == []
    os.unlink(tmp_path / "garbage.spool")
    os.rmdir(tmp_path)
    assert stalls.look() == []


def test_the_reason_is_the_loops_own() -> None:
    """The loops' hooks ask in the words that are known here."""
    from tracekit.hooks import tasks
    from tracekit.observe import stalls

    assert tasks.BLOCKED == stalls.BLOCKED
