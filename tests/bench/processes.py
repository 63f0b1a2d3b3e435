"""Processes: what a fork, the start of a Python and a whole run take, plain and recorded, in pairs. Knows no probe."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recorded import recorded

from tracekit import sessions

WORKLOADS = Path(__file__).resolve().parent.parent.parent / "workloads"
FORK, START, RUN = "fork, exit and wait", "start of Python", "tracekit run"

Pairs = list[tuple[float, float]]  # seconds, plain and recorded


def measure(pairs: int, runs: int) -> dict[str, Pairs]:
    """Pairs of plain and recorded, by what was done.

    Args:
        pairs: of forks and starts.
        runs: of the article's programs, which take seconds.
    """
    found = {FORK: _forks(pairs), START: _starts(pairs)}
    for name in ("article_threads", "article_asyncio"):
        if runs:
            found[f"{RUN}, {name}.py"] = _runs(WORKLOADS / f"{name}.py", runs)
    return found


def _forks(pairs: int) -> Pairs:
    found = []
    for _ in range(pairs):
        plain = _seconds(_fork)
        with recorded():
            _fork()
            found.append((plain, _seconds(_fork)))
    return found


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _starts(pairs: int) -> Pairs:
    command = [sys.executable, "-c", "pass"]
    with tempfile.TemporaryDirectory() as folder:
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        joined = sessions.environment(folder, sessions.Options(), plain)
        _quietly(command, joined, folder)  # now tracekit is compiled
        return [
            (_seconds(lambda: _quietly(command, plain, folder)), _seconds(lambda: _quietly(command, joined, folder)))
            for _ in range(pairs)
        ]


def _runs(script: Path, runs: int) -> Pairs:
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            found.append(
                (_run([str(script)], folder), _run(["-m", "tracekit", "run", "-o", "out.json.gz", str(script)], folder))
            )
    return found


def _run(arguments: list[str], folder: str) -> float:
    return _seconds(lambda: _quietly([sys.executable, *arguments], dict(os.environ), folder))


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _quietly(command: list[str], env: dict[str, str], folder: str) -> None:
    # Not in the checkout: there Python would find the sources of tracekit, which have no C core.
    subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
