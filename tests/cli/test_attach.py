"""`tracekit attach`: programs that know nothing of tracekit, watched from outside. Knows the command line only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from observing import Written
from waiting import until

from tracekit import events
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

PROGRAM = """
import subprocess, sys, threading

def wait_for_it():
    lock.acquire()

lock = threading.Lock()
lock.acquire()
threading.Thread(target=wait_for_it, name="waiter", daemon=True).start()
child = subprocess.Popen([sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """A program with a thread that waits for a lock, and with a child; both end when its stdin does."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child
        child.kill()


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def attach(folder: Path, pid: int, *words: str) -> subprocess.Popen[str]:
    """The command, once it watches."""
    command = [sys.executable, "-m", "tracekit", "attach", str(pid), "-o", "out.json", *words]
    watching = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert "watching process" in line(watching.stderr)
    return watching


def has_seen(folder: Path, kind: int, *pids: int) -> bool:
    """Whether something of a kind has been written down of each process."""
    try:
        seen = Written(folder / "out.tracekit").of_kind(kind)
        return {*pids} <= {one.details.get(events.PID, one.tid) for one in seen}
    except ValueError:  # there is no file yet
        return False


def trace_of(folder: Path) -> Trace:
    trace = load(folder / "out.json")
    assert check(trace) == []
    return trace


def test_a_program_as_it_is(tmp_path: Path, program: subprocess.Popen[str]) -> None:
    """It is told what each thread of a program and of its children waits for and where, until the program ends."""
    child = int(line(program.stdout))
    watching = attach(tmp_path, program.pid)
    until(
        lambda: has_seen(tmp_path, events.STACK, program.pid) and has_seen(tmp_path, events.WEIGHT, program.pid, child)
    )
    program.communicate()
    _, said = watching.communicate(timeout=60)

    assert watching.returncode == 0
    assert "trace: out.json" in said
    trace = trace_of(tmp_path)
    assert {process.pid: process.ppid for process in trace.processes}[child] == program.pid
    first = next(process for process in trace.processes if process.pid == program.pid)
    assert "wait_for_it" in first.command
    assert first.peak_rss > 0
    waiter = next(row for row, thread in enumerate(trace.threads) if thread.name == "waiter")
    assert trace.threads[waiter].begun_before
    (states,) = (states for states in trace.states if states.thread == waiter)
    assert states.lock > 0
    assert states.running + states.gil == pytest.approx(0, abs=states.lock // 2)
    assert "wait_for_it" in said
    assert not (tmp_path / "out.tracekit").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_by_signal(tmp_path: Path, program: subprocess.Popen[str], number: signal.Signals) -> None:
    """Ctrl-C ends the watching and not the program, and the trace is written."""
    line(program.stdout)
    watching = attach(tmp_path, program.pid, "--no-stacks")
    until(lambda: has_seen(tmp_path, events.SAMPLE, program.pid))
    watching.send_signal(number)
    watching.communicate(timeout=60)

    assert watching.returncode == 0
    assert program.poll() is None
    assert trace_of(tmp_path).states


def test_for_some_time(tmp_path: Path, program: subprocess.Popen[str]) -> None:
    """After the given number of seconds it ends by itself."""
    line(program.stdout)
    watching = attach(tmp_path, program.pid, "-d", "0.2", "--rate", "1000")
    watching.communicate(timeout=60)

    assert watching.returncode == 0
    assert program.poll() is None
    assert trace_of(tmp_path).states


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["99999999"], "there is no process 99999999"),
        (["self", "-d", "0"], "-d 0 is no time at all"),
        (["self", "-d", "soon"], "'soon' is no duration"),
        (["self", "-o", "there/is/none.txt"], "none.txt"),
        (["self", "--rate", "0"], "0 is not in the range"),
    ],
)
def test_bad_input(tmp_path: Path, words: list[str], complaint: str) -> None:
    """What makes no sense is refused in one line, and nothing is left behind."""
    known = [str(os.getpid()) if word == "self" else word for word in words]
    command = [sys.executable, "-m", "tracekit", "attach", *known]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
