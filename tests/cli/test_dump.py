"""`tracekit dump`, and all that has a flight recorder written out while its program goes on. Runs the real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.observe.mappings import running_sessions, session_of

Run = Any

# Says that it is there, then does what it is told on stdin, a line of Python each.
PROGRAM = """
import asyncio, os, sys, threading, time
import tracekit as tk
outer = tk.span("outer")
def fail():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
async def step(seconds):
    time.sleep(seconds)
def block(seconds):
    asyncio.run(step(seconds))
with outer:
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        print(eval(line), flush=True)
"""


class Program:
    """A program that runs under `tracekit run --flight` and does what it is told."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        (directory / "program.py").write_text(PROGRAM)
        self.errors = directory / "errors.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", *options, "program.py"],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        self.pid = int(self.answer())

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, line: str) -> str:
        """Has it evaluate a line of Python, and returns what that gives."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        return self.answer()

    def wait_for(self, words: str) -> str:
        """Waits for a line on stderr that holds these words; the program and tracekit go on meanwhile."""
        while True:
            for line in self.errors.read_text().splitlines():
                if words in line:
                    return line
            assert self.process.poll() is None

    def end(self) -> int:
        """Has it end, and waits for that."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)

    def close(self) -> None:
        """Leaves nothing of it."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait(60)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[Program]:
    """A program in a flight recorder's session."""
    program = Program(tmp_path, "--flight", "10s")
    yield program
    program.close()


def sound(path: Path) -> Trace:
    trace = load(path)
    assert check(trace) == []
    return trace


def slices(trace: Trace) -> list[str]:
    return [trace.strings[name] for name in trace.slices.name]


def test_by_directory_pid_and_leader(flight: Program, tracekit: Run, tmp_path: Path) -> None:
    """A session is found by its directory, by a process in it, and by tracekit's own; it goes on, and its trace is whole."""
    for number, which in enumerate(("out.tracekit", str(flight.pid), str(flight.process.pid)), 1):
        result = tracekit("dump", "-q", which)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert "outer" in slices(sound(tmp_path / f"out-dump-{number}.json.gz"))
    assert flight.do("1 + 1") == "2"
    assert flight.end() == 0
    assert "outer" in slices(sound(tmp_path / "out.json"))
    assert not (tmp_path / "out.tracekit").exists()


def test_who_only_looks_on(flight: Program) -> None:
    """The processes of a session are those that record into it, not tracekit's own that watches it."""
    directory = str(flight.directory / "out.tracekit")
    flight.do("block(0.1)")
    flight.wait_for("an event loop")  # so it watches
    assert running_sessions()[directory] == [flight.pid]
    assert session_of(flight.process.pid) is None


def test_output_and_words(flight: Program, tracekit: Run, tmp_path: Path) -> None:
    """With -o the dump goes there; on stderr it says what it shows and where it is."""
    result = tracekit("dump", "out.tracekit", "-o", "mine.json")

    assert "tracekit open mine.json" in result.stderr
    assert "outer" in slices(sound(tmp_path / "mine.json"))
    assert flight.end() == 0


def test_signal(flight: Program, tmp_path: Path) -> None:
    """SIGUSR2 to tracekit's own process writes a dump; in the program the signal is untouched."""
    assert flight.do("__import__('signal').getsignal(12).name") == "SIG_DFL"
    flight.process.send_signal(signal.SIGUSR2)
    assert "out-dump-1.json.gz: SIGUSR2" in flight.wait_for("SIGUSR2")
    assert "outer" in slices(sound(tmp_path / "out-dump-1.json.gz"))
    assert flight.end() == 0


def test_signal_without_flight(tmp_path: Path) -> None:
    """A session that keeps everything can be written out on demand as well."""
    program = Program(tmp_path)
    program.process.send_signal(signal.SIGUSR2)
    program.wait_for("out-dump-1.json.gz: SIGUSR2")
    assert "outer" in slices(sound(tmp_path / "out-dump-1.json.gz"))
    assert program.end() == 0
    program.close()


def test_unhandled_exception(flight: Program, tmp_path: Path) -> None:
    """An exception that ends a thread has a dump made, with its reason; the program goes on."""
    flight.do("fail()")
    line = flight.wait_for("tracekit: wrote")
    assert line.endswith(f"out-dump-1.json.gz: an unhandled exception: ZeroDivisionError (process {flight.pid})")
    sound(tmp_path / "out-dump-1.json.gz")
    assert flight.end() == 0


def test_blocked_loop(flight: Program, tmp_path: Path) -> None:
    """A step of a loop that was too long has a dump made when it has ended."""
    flight.do("block(0.06)")
    assert "an event loop was blocked" in flight.wait_for("tracekit: wrote")
    sound(tmp_path / "out-dump-1.json.gz")
    assert flight.end() == 0


def test_hanging_loop(flight: Program, tmp_path: Path) -> None:
    """A loop that hangs is written out while it hangs: its step has not ended."""
    assert flight.process.stdin is not None
    flight.process.stdin.write("block(1000)\n")
    assert "an event loop is blocked" in flight.wait_for("tracekit: wrote")
    assert "outer" in slices(sound(tmp_path / "out-dump-1.json.gz"))
    os.kill(flight.pid, signal.SIGKILL)
    assert flight.process.wait(60) == -signal.SIGKILL
    assert "outer" in slices(sound(tmp_path / "out.json"))


def test_from_inside(flight: Program, tmp_path: Path) -> None:
    """tk.dump() in a program that `run` records writes a trace and says where; nothing of that is in a later one."""
    assert flight.do("tk.dump()") == str(tmp_path / "out-dump-1.json.gz")
    assert flight.do("tk.dump('here.json')") == str(tmp_path / "here.json")
    for name in ("out-dump-1.json.gz", "here.json"):
        trace = sound(tmp_path / name)
        assert "outer" in slices(trace)
        assert len(trace.processes) == 1
    assert flight.end() == 0


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("none.tracekit", "no such session: 'none.tracekit'"),
        ("", "no such session: ''"),
        (".", "there is no *.spool file in it"),
        ("1", "process 1 records nothing"),
        (str(1 << 30), f"there is no process {1 << 30}"),
    ],
)
def test_no_session(tracekit: Run, which: str, why: str) -> None:
    """What is no running session is one clear line, exit code 2."""
    result = tracekit("dump", which)

    assert result.returncode == 2
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_output_that_cannot_be_written(flight: Program, tracekit: Run, tmp_path: Path) -> None:
    """A dump that finds no place is one line, and leaves no empty file."""
    for path in ("out.txt", "/proc/none/out.json"):
        result = tracekit("dump", "out.tracekit", "-o", path)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.glob("out-dump*")) == []
    assert flight.end() == 0


@pytest.mark.parametrize("flight", ["soon", "10", "0s", "5 apples", "64GiB", ""])
def test_bad_flight(tracekit: Run, tmp_path: Path, flight: str) -> None:
    """What is neither a duration nor a size is refused before the program runs."""
    result = tracekit("run", "--flight", flight, "-c", "print('ran')")

    assert result.returncode == 2
    assert "is neither a duration nor a size" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []
