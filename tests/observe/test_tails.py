"""Tails: what a loop runs now is told from the end of a spool that is being written. Spools are made by the recorder itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.observe.tails import Tails
from tracekit.record.recorder import Recorder
from tracekit.spool.limits import Limits

_SECOND = 1_000_000_000


class Looks:
    """Looks at a spool, each look a second after the one before."""

    def __init__(self, path: str | Path) -> None:
        self.tails = Tails(str(path))
        self.now = _SECOND

    def __call__(self) -> list[int]:
        """The slots of what runs now."""
        self.now += _SECOND
        return [turn.slot for turn in self.tails.look(self.now)]


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Writes a spool as this process."""
    return Recorder(str(tmp_path))


@pytest.fixture
def looks(recorder: Recorder) -> Looks:
    """Looks at it."""
    return Looks(recorder.spool.path)


def test_a_step(recorder: Recorder, looks: Looks) -> None:
    """A step runs from its begin to its end; between steps nothing runs."""
    assert looks() == []
    slot = recorder.write(events.STEP_BEGIN, 0, 1)
    assert looks() == [slot]
    recorder.write(events.INSTANT)
    assert looks() == [slot]
    recorder.write(events.STEP_END, 0, 1)
    assert looks() == []


def test_since(recorder: Recorder, looks: Looks) -> None:
    """A turn has lasted since the look that saw it first, and is told with its thread."""
    recorder.write(events.CALLBACK_BEGIN)
    (first,) = looks.tails.look(10 * _SECOND)
    (again,) = looks.tails.look(20 * _SECOND)

    assert first == again
    assert (again.since, again.tid) == (10 * _SECOND, os.getpid())


def test_a_step_in_a_step(recorder: Recorder, looks: Looks) -> None:
    """An eager task's step runs inside another one, which runs on when it has ended."""
    outer = recorder.write(events.STEP_BEGIN, 0, 1)
    inner = recorder.write(events.STEP_BEGIN, 0, 2)
    assert looks() == [inner]
    recorder.write(events.STEP_END, 0, 2)
    assert looks() == [outer]
    recorder.write(events.STEP_BEGIN, 0, 3)
    recorder.write(events.STEP_END, 0, 3)
    assert looks() == [outer]
    recorder.write(events.STEP_END, 0, 1)
    assert looks() == []


@pytest.mark.parametrize("kind", [events.LOOP_BEGIN, events.LOOP_TURN, events.LOOP_END])
def test_between_turns(recorder: Recorder, looks: Looks, kind: int) -> None:
    """Where the loop says that it is between two turns, nothing runs any more, whatever was not seen to end."""
    recorder.write(events.STEP_BEGIN, 0, 1)
    looks()
    recorder.write(kind, 0, 1)
    assert looks() == []
    slot = recorder.write(events.STEP_BEGIN, 0, 2)
    assert looks() == [slot]


def test_half_a_record(tmp_path: Path) -> None:
    """A record whose details are written, but which itself is not yet, is read when it is complete."""
    writer = SpoolWriter()
    writer.record(1, events.LOOP_BEGIN, "loop", 1)
    slot = writer.record(2, events.CALLBACK_BEGIN, "call", 0, writer.code("f"))
    whole = writer.data()
    block = next(at for at, data in enumerate(writer.blocks) if at == slot // 1024)
    mark = 4096 + block * 16384 + slot % 1024 * 16 + 8
    path = tmp_path / "1-1.spool"
    path.write_bytes(whole[:mark] + bytes(8) + whole[mark + 8 :])
    looks = Looks(path)
    assert looks() == []
    with path.open("r+b") as file:
        file.seek(mark)
        file.write(whole[mark : mark + 8])

    assert looks() == [slot]


def test_a_gap(tmp_path: Path) -> None:
    """A slot that stays empty, as an interruption leaves it, hides nothing that comes after it."""
    writer = SpoolWriter()
    writer.record(1, events.LOOP_BEGIN, "loop", 1)
    writer.hole()
    slot = writer.record(2, events.STEP_BEGIN, 0, 1)

    assert Looks(writer.write(tmp_path))() == [slot]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from("()x"), st.integers(1, 300), st.booleans()), max_size=40))
def test_any_stream(tmp_path_factory: pytest.TempPathFactory, stream: list[tuple[str, int, bool]]) -> None:
    """However steps lie in each other, and whenever one looks, what runs is the innermost that has begun and not ended."""
    recorder = Recorder(str(tmp_path_factory.mktemp("spools")))
    looks = Looks(recorder.spool.path)
    running: list[int] = []
    for what, times, look in stream:
        for _ in range(times):
            if what == "(":
                running.append(recorder.write(events.STEP_BEGIN, 0, 1))
            elif what == ")":
                recorder.write(events.STEP_END, 0, 1)
                running = running[:-1]
            else:
                recorder.write(events.INSTANT)
        if look:
            assert looks() == running[-1:]
    assert looks() == running[-1:]


def test_blocks_that_are_handed_out_again(tmp_path: Path) -> None:
    """A flight recorder's thread is followed into blocks that others have had."""
    recorder = Recorder(str(tmp_path), Limits(flight_bytes=200_000))
    looks = Looks(recorder.spool.path)
    for _ in range(20):
        for _ in range(2000):
            recorder.write(events.INSTANT)
        slot = recorder.write(events.STEP_BEGIN, 0, 1)
        assert looks() == [slot]
        recorder.write(events.STEP_END, 0, 1)
        assert looks() == []


def test_a_block_beyond_one_that_is_not_handed_out(tmp_path: Path) -> None:
    """A block that was claimed and is handed out late keeps nobody from seeing the ones behind it."""
    writer = SpoolWriter()
    writer.record(1, events.INSTANT, "one", thread=1)
    late = len(writer.blocks)
    writer.record(2, events.STEP_BEGIN, 0, 1, thread=2)
    slot = writer.record(3, events.STEP_BEGIN, 0, 2, thread=3)
    whole = writer.data()
    head = 4096 + late * 16384
    path = tmp_path / "1-1.spool"
    path.write_bytes(whole[:head] + bytes(8) + whole[head + 8 :])
    looks = Looks(path)
    assert looks() == [slot]
    path.write_bytes(whole)

    assert sorted(looks()) == [late * 1024 + 2, slot]
