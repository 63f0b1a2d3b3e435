"""py-spy: stacks of another process, read once or sampled, in the background. Runs the real py-spy on real programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from tracekit.clock import monotonic_ns
from tracekit.observe import pyspy
from tracekit.observe.pyspy import Reading, Recording, Stack

Start = Callable[[str], "subprocess.Popen[str]"]

_TWO = """
    import sys, threading
    inside = threading.Event()
    def worker():
        def deep():
            inside.set()
            threading.Event().wait()
        deep()
    threading.Thread(target=worker, daemon=True).start()
    inside.wait()
    def waits():
        print(flush=True)
        sys.stdin.read()
    waits()
"""


def read(pid: int) -> tuple[list[Stack], Reading]:
    """The stacks of a process, waited for."""
    program = pyspy.executable()
    assert program is not None
    reading = Reading(program, pid, monotonic_ns())
    answers: list[list[Stack]] = []

    def ended() -> bool:
        answer = reading.poll(monotonic_ns())
        answers.extend([] if answer is None else [answer])
        return bool(answers)

    until(ended)
    return answers[0], reading


def test_stacks(program: Start) -> None:
    """Every thread has its stack, innermost frame first, under the tid that the kernel knows."""
    child = program(_TWO)
    stacks, reading = read(child.pid)
    by_tid = {stack.tid: stack for stack in stacks}

    assert by_tid.keys() == {int(name) for name in os.listdir(f"/proc/{child.pid}/task")}
    assert [frame.function for frame in by_tid[child.pid].frames] == ["waits", "<module>"]
    (other,) = by_tid.keys() - {child.pid}
    functions = [frame.function.rpartition(".")[2] for frame in by_tid[other].frames]
    assert functions[-5:-3] == ["deep", "worker"]
    assert by_tid[child.pid].frames[0].line > 0
    assert reading.error == ""
    assert reading.cpu_ns > 0


def test_no_python() -> None:
    """Of what is no Python there is no stack, but a reason in one line."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        stacks, reading = read(child.pid)
        assert child.stdin is not None
        child.stdin.close()

    assert stacks == []
    assert reading.error
    assert "\n" not in reading.error


def test_missing() -> None:
    """What cannot be started is an error at once, and leaves no file open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        Reading("/no/such/py-spy", 1, 0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_abandoned(program: Start) -> None:
    """A reading that nobody waits for any more leaves neither a process nor a file."""
    child = program(_TWO)
    executable = pyspy.executable()
    assert executable is not None
    before = len(os.listdir("/proc/self/fd"))
    Reading(executable, child.pid, 0).abandon()

    assert len(os.listdir("/proc/self/fd")) == before
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        assert "py-spy" not in [_name(pid) for pid in file.read().split()]


def test_sigchld_is_ignored(program: Start) -> None:
    """Where nobody is told of the ends of children, a reading comes to its end all the same."""
    child = program(_TWO)
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        stacks, reading = read(child.pid)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert stacks
    assert not reading.error


def _name(pid: str) -> str:
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def sample(pid: int, path: Path, **options: Any) -> Recording:
    """A recording of a process, begun and attached, or ended already."""
    program = pyspy.executable()
    assert program is not None
    recording = Recording(program, pid, 100, str(path), **options)
    until(lambda: recording.is_attached() or recording.is_over())
    return recording


def switches(pid: int) -> int:
    """How often the threads of a process have waited for something."""
    texts = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in texts)


@pytest.mark.parametrize("native", [False, True])
def test_a_recording(program: Start, tmp_path: Path, native: bool) -> None:
    """Sampling writes, once it is ended, the stacks of all threads, also of those that wait, under their tids."""
    child = program(_TWO)
    recording = sample(child.pid, tmp_path / "samples", native=native)
    assert recording.error == ""
    until(lambda: switches(recording._child) > 300)  # each look is at least one, of each of its threads
    recording.end(60)
    written = json.loads((tmp_path / "samples").read_text())

    assert (recording.is_over(), recording.error) == (True, "")
    assert recording.samples > 0
    names = {row["name"] for row in written}
    tids = {name.removeprefix("thread (").partition(")")[0] for name in names if name.startswith("thread (")}
    assert len(tids) == 2
    if sys.version_info >= (3, 11):
        assert tids == set(os.listdir(f"/proc/{child.pid}/task"))
    assert {"waits", "deep"} <= {name.rpartition(".")[2] for name in names}


def test_a_recording_of_nothing(tmp_path: Path) -> None:
    """Why there are no samples is told in one line: here the process is no Python."""
    with subprocess.Popen(["sleep", "60"]) as other:
        recording = sample(other.pid, tmp_path / "samples")
        other.kill()

    assert recording.is_over()
    assert not recording.is_denied
    assert "python" in recording.error.lower()
    assert "\n" not in recording.error
