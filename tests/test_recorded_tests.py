"""The recording of one test after the other, without pytest around it. Knows what is judged, and not how it is printed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.recorded_tests import RecordedTests, _own_ns

LIMIT = 50_000_000
HOUR = 3_600_000_000_000


@pytest.fixture
def tests(tmp_path: Path) -> Iterator[RecordedTests]:
    """The recordings of this process."""
    made = RecordedTests(str(tmp_path / "kept" / "here.tracekit"))
    yield made
    made.close()
    assert not (tmp_path / "kept" / "here.tracekit").exists()


async def block() -> None:
    time.sleep(0.3)


def test_a_block_is_found(tests: RecordedTests, tmp_path: Path) -> None:
    """A block is a finding with a culprit; the trace that is kept has the test's name; the next test begins with nothing."""
    tests.begin(LIMIT)
    asyncio.run(block())
    (found,) = tests.stop_and_judge()
    assert (found["slug"], found["file"]) == ("loop-blocked", __file__)
    tests.keep("test_a.py::test_b", str(tmp_path / "out.json"))
    assert load(str(tmp_path / "out.json")).program == "test_a.py::test_b"
    tests.begin(LIMIT)
    assert tests.stop_and_judge() == []


def test_what_is_allowed_is_none(tests: RecordedTests) -> None:
    """The same block is none where more is allowed."""
    tests.begin(HOUR)
    asyncio.run(block())
    assert tests.stop_and_judge() == []


def test_recorded_already(tests: RecordedTests, recorded) -> None:
    """A process that is recorded cannot be recorded a second time, and the first recording goes on."""
    with recorded() as recording, pytest.raises(TracekitError, match="recorded already"):
        tests.begin(LIMIT)
    assert recording.trace.processes


def test_nothing_was_begun(tests: RecordedTests, tmp_path: Path) -> None:
    """Recordings that never began leave no file, and can be closed all the same."""
    tests.close()
    assert list(tmp_path.iterdir()) == []


def test_the_machines_part_does_not_count() -> None:
    """What a block waited for a processor is taken off it; where nothing was sampled nothing is."""
    assert _own_ns({"duration_s": 0.2, "shares": {"cpu": 0.25, "preempted": 0.75}}) == LIMIT
    assert _own_ns({"duration_s": 0.2, "shares": {}}) == 4 * LIMIT


def in_a_fork(function: Callable[[], object]) -> bool:
    """Whether a function says yes in a fork of this process."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_a_fork_that_runs_a_test(tests: RecordedTests) -> None:
    """A test that is run in a process of its own is judged there."""
    tests.open(LIMIT)

    def judge() -> bool:
        tests.begin(LIMIT)
        asyncio.run(block())
        return len(tests.stop_and_judge()) == 1

    assert in_a_fork(judge)


def test_a_fork_that_comes_out_of_a_test(tests: RecordedTests, tmp_path: Path) -> None:
    """What a fork does with the recording of the test that it came out of leaves the parent's alone."""
    tests.begin(LIMIT)
    asyncio.run(block())

    def come_out() -> bool:
        silent = tests.stop_and_judge() == []
        with pytest.raises(TracekitError, match="fork"):
            tests.keep("test", str(tmp_path / "out.json"))
        tests.drop()
        return silent

    assert in_a_fork(come_out)
    assert len(tests.stop_and_judge()) == 1
