"""What tracekit says of itself, to people and to programs. Knows the command line, and what is on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

BLOCKS = """
import asyncio, time
async def main():
    await asyncio.sleep(0)
    time.sleep(0.3)
asyncio.run(main())
"""

DEADLOCK = """
import threading, os
a, b = threading.Lock(), threading.Lock()
met = threading.Barrier(2)
def take(first, second):
    with first:
        met.wait()
        second.acquire(timeout=20)
threads = [threading.Thread(target=take, args=pair, daemon=True) for pair in ((a, b), (b, a))]
[thread.start() for thread in threads]
input()
os._exit(0)
"""


LOSES = """
import os, signal
import tracekit as tk
pid = os.fork()
if not pid:
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
for number in range(100_000):
    tk.instant("again", number=number)
print(pid, os.getpid())
"""


def said(stderr: str) -> list[dict[str, Any]]:
    """The events on stderr, which must all be objects of JSON."""
    return [json.loads(line) for line in stderr.splitlines()]


def test_an_error_is_a_line_for_people(tracekit: Run) -> None:
    """By default a person reads one sentence."""
    result = tracekit("report", "nothing.json")

    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("tracekit: nothing.json ")


def test_an_error_is_an_event_for_programs(tracekit: Run) -> None:
    """As JSON the same sentence comes with the event's name, its level and the time in UTC."""
    result = tracekit("report", "nothing.json", env={**os.environ, "TRACEKIT_LOG": "json"})

    assert result.returncode == 2
    [event] = said(result.stderr)
    assert (event["event"], event["level"]) == ("failed", "error")
    assert event["text"].startswith("nothing.json ")
    assert event["timestamp"].endswith("Z")


@pytest.mark.parametrize("asked", ["xml", ""])
def test_a_format_that_there_is_not(tracekit: Run, asked: str) -> None:
    """What stands in the environment and is none of the formats is the default; on the command line it is an error."""
    result = tracekit("report", "nothing.json", env={**os.environ, "TRACEKIT_LOG": asked})
    assert result.stderr.startswith("tracekit: ")

    result = tracekit("run", "--log-format", asked, "-c", "pass")
    assert result.returncode == 2
    assert "human" in result.stderr


def test_a_run_ends_in_events(tracekit: Run, tmp_path: Path) -> None:
    """Findings, notes and where the trace is are events; the program's environment has no trace of the option."""
    (tmp_path / "app.py").write_text(BLOCKS + "import os; print('TRACEKIT_LOG' in os.environ)")

    result = tracekit("run", "--log-format", "json", "-o", "out.json", "app.py")

    assert (result.returncode, result.stdout) == (0, "False\n")
    events = {event["event"]: event for event in said(result.stderr)}
    blocked = events["loop-blocked"]
    assert (blocked["level"], blocked["function"]) == ("warning", "main")
    assert blocked["duration_s"] >= 0.3
    assert events["trace-written"]["path"].endswith("out.json")
    assert list(events)[-1] == "trace-written"


def test_a_quiet_run_says_nothing(tracekit: Run) -> None:
    """--quiet is quiet in either format."""
    for words in (("--log-format", "json"), ()):
        result = tracekit("run", "-q", *words, "-o", "out.json", "-c", "pass")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("style", ["json", "human"])
def test_a_deadlock_is_said_while_it_hangs(tmp_path: Path, style: str) -> None:
    """It is on stderr while the program still hangs, in either format."""
    (tmp_path / "app.py").write_text(DEADLOCK)
    command = [sys.executable, "-m", "tracekit", "run", "--locks", "--log-format", style, "-o", "out.json", "app.py"]
    program = subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert program.stderr is not None
    first = program.stderr.readline()
    program.communicate("go on\n", timeout=60)

    if style == "json":
        event = json.loads(first)
        assert (event["event"], event["level"]) == ("deadlock-seen", "error")
        assert isinstance(event["pid"], int)
        first = event["text"]
    assert "deadlock" in first


def test_a_stall_is_said_while_it_lasts(tmp_path: Path) -> None:
    """For programs a loop that hangs is an event while it still hangs."""
    (tmp_path / "app.py").write_text("import asyncio\nasync def main(): input()\nasyncio.run(main())\n")
    command = [sys.executable, "-m", "tracekit", "run", "--log-format", "json", "-o", "out.json", "app.py"]
    program = subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert program.stderr is not None
    event = json.loads(program.stderr.readline())
    program.communicate("go on\n", timeout=60)

    assert (event["event"], event["level"]) == ("stall-seen", "warning")
    assert "an event loop is blocked" in event["text"]


def test_what_goes_missing_is_said(tracekit: Run, tmp_path: Path) -> None:
    """A process that is killed, and one whose recording stops, are events with their pids."""
    (tmp_path / "app.py").write_text(LOSES)

    result = tracekit("run", "--log-format", "json", "--max-size", "1MB", "-o", "out.json", "app.py")

    events = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    killed, own = map(int, result.stdout.split())
    assert killed in [event["pid"] for event in events if event["event"] == "process-gone"]
    assert own in [event["pid"] for event in events if event["event"] == "recording-stopped"]


def test_values_that_json_has_not() -> None:
    """Whatever an event is about, a line of JSON comes out, and stdout stays empty."""
    code = (
        "from tracekit.cli.diagnostics import say; say('odd', 'text \\ud800', 'warning', big=2**80, path=object(), "
        "number=float('nan')); say('plain', 'text', pid=1)"
    )
    environment = {**os.environ, "TRACEKIT_LOG": "json"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)

    odd, plain = said(result.stderr)
    assert (odd["event"], plain["pid"], result.stdout) == ("'odd'", 1, "")


def test_without_structlog_people_are_told_all_the_same() -> None:
    """Where structlog cannot be imported the sentence is there."""
    code = "import sys; sys.modules['structlog'] = None; from tracekit.cli.diagnostics import say; say('odd', 'a sentence')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == "tracekit: a sentence\n"
