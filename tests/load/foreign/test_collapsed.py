"""Collapsed stacks -> samples. Knows the format's lines, and what they do not say."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from foreign_events import unhurried
from hypothesis import given
from hypothesis import strategies as st

from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.load.foreign import collapsed
from tracekit.load.foreign.collapsed import looks_like
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import Trace

Reading = Any


def stacks(trace: Trace) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Thread and frames, the innermost first, of each sample."""
    frames = frames_of(trace)
    return [
        (trace.threads[thread].name, [tuple(frames[row]) for row in rows_of(trace, frame)])
        for thread, frame in zip(trace.samples.thread.tolist(), trace.samples.frame.tolist())
    ]


def test_one_line_a_stack(read: Reading) -> None:
    """Each stack is there as often as its count says, and a note says that the times are none."""
    trace = read(b"main (app.py:9);work (app.py:3) 2\nmain (app.py:9) 1\n", "stacks.txt")
    work, main = ("work", "app.py", 3), ("main", "app.py", 9)
    assert stacks(trace) == [("all threads", [work, main])] * 2 + [("all threads", [main])]
    assert trace.samples.time.tolist() == [0, 10_000_000, 20_000_000]
    assert any("not when" in note for note in trace.notes)


def test_one_process_without_a_number(read: Reading) -> None:
    """Where only threads are told apart, the main thread's number is that of the process."""
    trace = read(b"thread (9): x;f (a.py:1) 1\nthread (8): MainThread;g (a.py:1) 1\n")
    assert [row.pid for row in trace.processes] == [8]
    assert [(row.tid, row.main) for row in trace.threads] == [(9, False), (8, True)]


def test_processes_and_threads(read: Reading) -> None:
    """Threads and processes that py-spy names in the outermost frames are threads and processes."""
    stacks_of_two = ("thread (5): MainThread;f (a.py:1) 1", "thread (6): x;g (a.py:2) 1")
    trace = read("".join(f'process 5:"python app.py";{stack}\n' for stack in stacks_of_two).encode())
    assert [(row.pid, row.name) for row in trace.processes] == [(5, "python app.py")]
    assert [(row.tid, row.name, row.main) for row in trace.threads] == [(5, "MainThread", True), (6, "x", False)]
    assert stacks(trace) == [("MainThread", [("f", "a.py", 1)]), ("x", [("g", "a.py", 2)])]


def test_many_samples(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many samples the share of each stack stays, and it is told."""
    monkeypatch.setattr(collapsed, "MOST_SAMPLES", 100)
    trace = read(b"a;b 900000000000000000\na;c 100000000000000000\n" + b"a;d 1\n" * 10)
    names = [stack[0][0] for _, stack in stacks(trace)]
    assert (len(names), names.count("b")) == (pytest.approx(100, abs=1), pytest.approx(90, abs=1))
    assert any("one in" in note for note in trace.notes)


def test_broken_lines(read: Reading) -> None:
    """Lines that are no stack are left out and counted; a cut gzip gives what is before the cut."""
    trace = read(b"a;b 1\nnonsense\n\n\xff;c 1\nd 1")
    assert [stack[0][0] for _, stack in stacks(trace)] == ["b", "c", "d"]
    assert any(note.endswith("left out: 1") for note in trace.notes)
    whole = gzip.compress(b"a;b 1\n" + bytes(range(65, 90)) * 200)
    assert len(read(whole[:-12]).samples) == 1


def test_deep_and_long_lines(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is too deep is cut, and a line that has no end is left out."""
    monkeypatch.setattr(collapsed, "MOST_DEEP", 10)
    trace = read(b"a 1\n" + b"b;" * 50 + b"c 1\n")
    assert [len(stack) for _, stack in stacks(trace)] == [1, 10]
    monkeypatch.setattr(collapsed, "_LONGEST", 1000)
    with pytest.raises(TracekitError, match="no stack with a count"):
        read(b"a;b" + b"x" * (3 << 20))


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"a;b 1\nx", True),
        (b"main 12\n", True),
        (b"a;b;" * 2000, True),
        (b"hello\n", False),
        (b"a\0b 1\n", False),
        (b"", False),
    ],
)
def test_what_looks_like_it(first: bytes, expected: bool) -> None:
    """A file is taken for one of stacks by its first line."""
    assert looks_like(first) is expected


@unhurried
@given(text=st.text(alphabet='a;b (:1)\n"process thread', max_size=200), count=st.integers(0, 5000))
def test_any_text(text: str, count: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the lines say, there is a trace or one clear error."""
    path: Path = tmp_path_factory.getbasetemp() / "stacks.txt"
    path.write_text(f"a;b {count}\n{text} {count}\n")
    with suppress(TracekitError):
        assert len(load(path).samples) <= collapsed.MOST_SAMPLES + 2
