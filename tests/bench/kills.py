"""Kills: how many spans are lost when a process is killed that has told of each one, right after it ended. Knows no time.

Seeds are fixed: a run kills after the same waits as the one before.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tracekit import sessions
from tracekit.errors import TracekitError
from tracekit.load import load

_MEAN_S = 0.05
_DEADLINE_S = 60

_PROGRAM = """
import mmap, os, sys
page = memoryview(mmap.mmap(os.open(sys.argv[1], os.O_RDWR), mmap.PAGESIZE)).cast("q")
{setup}
number = 0
while True:
    with {span}:
        number += 1
    page[0] = number
"""
_TRACEKIT = _PROGRAM.format(setup="import tracekit as tk", span='tk.span("work")')
_VIZTRACER = _PROGRAM.format(
    setup="import viztracer; tracer = viztracer.VizTracer(log_sparse=True, verbose=0, output_file=sys.argv[2])",
    span='tracer.log_event("work")',
)


@dataclass
class Lost:
    """Over all kills: spans that the programs had told of, and how many of them are not to be found."""

    kills: int = 0
    told: int = 0
    lost: int = 0


def measure(kills: int) -> dict[str, Lost]:
    """What was lost, by recorder; one that is not installed is left out."""
    found = {"tracekit": Lost()}
    try:
        import viztracer  # noqa: F401

        found["viztracer"] = Lost()
    except ImportError:
        pass
    for kill in range(kills):
        for name, lost in found.items():
            with tempfile.TemporaryDirectory() as folder:
                told, kept = (_kill_tracekit if name == "tracekit" else _kill_viztracer)(Path(folder), kill)
            lost.kills += 1
            lost.told += told
            lost.lost += max(told - kept, 0)
    return found


def _kill_tracekit(folder: Path, kill: int) -> tuple[int, int]:
    session = folder / "s.tracekit"
    session.mkdir(mode=0o700)
    env = sessions.environment(str(session), sessions.Options(), os.environ)
    told = _kill(_TRACEKIT, folder, env, kill)
    try:
        trace = load(str(session))
    except TracekitError:
        return told, 0
    work = [number for number, text in enumerate(trace.strings) if text == "work"]
    return told, int(sum((trace.slices.name == number).sum() for number in work))


def _kill_viztracer(folder: Path, kill: int) -> tuple[int, int]:
    told = _kill(_VIZTRACER, folder, dict(os.environ), kill)
    saved = folder / "out.json"
    if not saved.exists():
        return told, 0
    return told, sum(event.get("name") == "work" for event in json.loads(saved.read_text())["traceEvents"])


def _kill(program: str, folder: Path, env: dict[str, str], kill: int) -> int:
    """Run a program, kill it some moments after its first span; the number of spans that it told of."""
    page = folder / "page"
    page.write_bytes(bytes(mmap.PAGESIZE))
    # Not in the checkout: there Python would find the sources of tracekit, which have no C core.
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(page), str(folder / "out.json")],
        env=env,
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + _DEADLINE_S
    try:
        while not any(page.read_bytes()[:8]):
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the program that was to be killed records nothing")
            time.sleep(0.001)
        time.sleep(random.Random(kill).expovariate(1 / _MEAN_S))
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    return int.from_bytes(page.read_bytes()[:8], "little")
