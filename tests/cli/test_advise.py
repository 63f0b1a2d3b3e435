"""`tracekit advise` by the real command line, on traces laid out by hand and on a recording. Knows roughly what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from laid_out_programs import blocked_loop

from tests.cli.conftest import Run
from tracekit.export.chrome_json import write

# Computes by its own clock of processor time, so that a busy machine makes it longer but not shorter.
BLOCKING = """
import asyncio, time

def crunch():
    until = time.thread_time() + 0.3
    while time.thread_time() < until:
        sum(range(1000))

async def hot():
    await asyncio.sleep(0.1)
    crunch()

async def poll():
    for _ in range(20):
        await asyncio.sleep(0.02)

async def main():
    await asyncio.gather(hot(), poll())

asyncio.run(main())
"""

STARTED = """
import multiprocessing, sys, threading, time

def crunch():
    until = time.thread_time() + 0.4
    while time.thread_time() < until:
        sum(range(1000))

if __name__ == "__main__":
    kind = threading.Thread if sys.argv[1] == "threads" else multiprocessing.Process
    started = [kind(target=crunch) for _ in range(2)]
    for one in started:
        one.start()
    for one in started:
        one.join()
"""


@pytest.fixture
def trace(tmp_path: Path) -> str:
    """A program whose loop is blocked."""
    write(blocked_loop("running"), [], tmp_path / "app.json")
    return str(tmp_path / "app.json")


def test_text(tracekit: Run, trace: str) -> None:
    """What to change, where, and what it brings."""
    result = tracekit("advise", trace)

    text = " ".join(result.stdout.split())
    assert (result.returncode, result.stderr) == (0, "")
    assert "1. compute_all (/app/work.py:9), computing, 600 ms: asyncio -> asyncio+processes" in text
    assert "in place of 1.00 s" in text


def test_json(tracekit: Run, trace: str) -> None:
    """One object on stdout."""
    told = json.loads(tracekit("advise", trace, "--json").stdout)

    assert [row["model"] for row in told["advice"]] == ["asyncio+processes"]
    assert told["advice"][0]["hot"]["line"] == 9


def test_measured(tracekit: Run, trace: str) -> None:
    """With --measure the costs are this machine's own, and the advice is the same."""
    told = json.loads(tracekit("advise", trace, "--json", "--measure").stdout)

    assert [row["model"] for row in told["advice"]] == ["asyncio+processes"]


def test_bad_input(tracekit: Run, tmp_path: Path) -> None:
    """A file that is no trace, or not there, is one line and exit code 2."""
    (tmp_path / "garbage.json").write_text("garbage")
    for path in ("garbage.json", "nowhere.json"):
        result = tracekit("advise", path)

        assert (result.returncode, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr


def test_a_recording(tracekit: Run, tmp_path: Path) -> None:
    """A recording of a program that computes on its loop names the function that does, and never tells to leave it there."""
    (tmp_path / "app.py").write_text(BLOCKING)
    assert tracekit("run", "-q", "--rate", "1000", "-o", "out.json", "app.py").returncode == 0

    told = json.loads(tracekit("advise", "out.json", "--json").stdout)

    assert told["now"] == "asyncio"
    said = [row["hot"]["name"] for row in told["advice"]] + told["unknown"]
    assert any("crunch" in text or "hot" in text for text in said)
    assert not any("crunch" in text and "may stay" in text for text in told["fine"])


@pytest.mark.parametrize("model", ["threads", "processes"])
def test_a_recording_of_what_was_started(tracekit: Run, tmp_path: Path, model: str) -> None:
    """A recording of threads, or of processes, tells what they ran by function, file and line, whatever comes of it."""
    (tmp_path / "app.py").write_text(STARTED)
    assert tracekit("run", "-q", "--rate", "1000", "-o", "out.json", "app.py", model).returncode == 0

    told = json.loads(tracekit("advise", "out.json", "--json").stdout)

    assert told["now"] == model
    said = [row["change"] for row in told["advice"]] + told["fine"] + told["unknown"]
    assert any("crunch (app.py:4)" in text for text in said)
