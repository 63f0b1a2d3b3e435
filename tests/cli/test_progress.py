"""Progress: shown on a terminal when something lasts, and nowhere else. Runs in a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

CODE = """
import sys, threading
from tracekit.cli.progress import progress

shown = threading.Event()
with progress("counting") as report:
    report(5_000_000, 10_000_000)
    if sys.argv[1] == "long":
        from rich.status import Status
        start = Status.start
        Status.start = lambda self: (start(self), shown.set())
        assert shown.wait(60)
print("over")
"""


def run(length: str) -> str:
    """What a person sees on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, length], stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        seen += data
    os.close(ours)
    assert process.wait(60) == 0
    return seen.decode()


def test_shown_when_it_lasts() -> None:
    """The work and how far it is."""
    seen = run("long")

    assert "counting: 5 of 10 MB" in seen
    assert "over" in seen


def test_silent_when_it_is_short() -> None:
    """Nothing but the program's own output."""
    assert run("short").strip() == "over"


def test_silent_in_a_pipe() -> None:
    """Also if it lasts."""
    code = CODE.replace("assert shown.wait(60)", "pass")
    result = subprocess.run([sys.executable, "-c", code, "long"], capture_output=True, text=True, check=True)

    assert (result.stdout, result.stderr) == ("over\n", "")
