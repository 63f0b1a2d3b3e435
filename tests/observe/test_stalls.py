"""Stalls: what is seen in the spools of a running session. Knows no program: the spools are made here."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tracekit import events
from tracekit.observe.live import Live
from tracekit.observe.stalls import Stalls
from tracekit.record.recorder import Recorder
from tracekit.spool.limits import Limits

_THRESHOLD = 50_000_000_000


class Watched:
    """A session that is looked at, at a time that the test sets."""

    def __init__(self, directory: Path, clock: list[int]) -> None:
        self._clock = clock
        self._live = Live(str(directory))
        self._stalls = Stalls(self._live, _THRESHOLD)

    def look(self) -> list[str]:
        """What has come up."""
        return self._stalls.look(self._live.look(self._clock[0]), self._clock[0])


@pytest.fixture
def clock() -> list[int]:
    """The time, to be set."""
    return [10**12]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Writes a spool as this process."""
    return Recorder(str(tmp_path), Limits(flight_bytes=1_000_000))


def test_hanging(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A step that goes on for longer than the threshold is told once; the next one again."""
    stalls = Watched(tmp_path, clock)
    told = f"an event loop is blocked (process {os.getpid()})"
    for task in (1, 2):
        recorder.write(events.STEP_BEGIN, 0, task)
        assert stalls.look() == []
        clock[0] += _THRESHOLD
        assert stalls.look() == []
        clock[0] += 1
        assert stalls.look() == [told]
        clock[0] += 2 * _THRESHOLD
        assert stalls.look() == []
        recorder.write(events.STEP_END, 0, task)


def test_busy(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """Many short steps are no block, however long they go on; neither is a loop that waits."""
    stalls = Watched(tmp_path, clock)
    for _ in range(5):
        recorder.write(events.STEP_BEGIN, 0, 1)
        assert stalls.look() == []
        clock[0] += _THRESHOLD - 1
        recorder.write(events.STEP_END, 0, 1)
    clock[0] += 2 * _THRESHOLD
    assert stalls.look() == []


def test_hanging_with_spans(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A callback that hangs while it records more than a block holds is found all the same."""
    stalls = Watched(tmp_path, clock)
    recorder.write(events.CALLBACK_BEGIN)
    for _ in range(5000):
        recorder.write(events.INSTANT)
    assert stalls.look() == []
    clock[0] += 2 * _THRESHOLD
    assert len(stalls.look()) == 1


def test_asked(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """What a process asks for is told once, with its reason."""
    stalls = Watched(tmp_path, clock)
    assert stalls.look() == []
    recorder.ask_for_dump("the end is near")
    assert stalls.look() == [f"the end is near (process {os.getpid()})"]
    assert stalls.look() == []


def test_a_block_is_told_once(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """A step that was seen to hang is not told of again when it has ended and its process says so."""
    stalls = Watched(tmp_path, clock)
    recorder.write(events.STEP_BEGIN, 0, 1)
    stalls.look()
    clock[0] += 2 * _THRESHOLD
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
    stalls = Watched(tmp_path, clock)
    assert stalls.look() == []
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(child_s)

    clock[0] += 2 * _THRESHOLD
    assert stalls.look() == []


def test_damage(tmp_path: Path, recorder: Recorder, clock: list[int]) -> None:
    """Files that are none of ours, are cut off, or go, are no trouble."""
    (tmp_path / "garbage.spool").write_bytes(b"garbage")
    stalls = Watched(tmp_path, clock)
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
