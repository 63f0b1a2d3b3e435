"""The web site of the workloads that fetch pages: its pages, both ways to fetch them, and its end. Knows no workload."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from tracekit.compare.builtin._pages import fetch, fetch_async
from tracekit.compare.builtin._site import page, serving


def test_both_ways_fetch_the_same() -> None:
    """A page is the same whoever asks for it, and depends on its number only."""
    with serving(3, 200, (0.0, 1.0)) as port:
        pages = [fetch((port, number)) for number in range(3)]
        awaited = [asyncio.run(fetch_async((port, number))) for number in range(3)]

    assert pages == awaited == [page(number, 3, 200) for number in range(3)]
    assert len(set(pages)) == 3


def test_a_page_that_is_not_there() -> None:
    """A page that the site does not have is an error, both ways."""
    with serving(1, 50, (0.0, 1.0)) as port:
        with pytest.raises(OSError, match="page 7: the server answered 404"):
            fetch((port, 7))
        with pytest.raises(OSError, match="page 7: the server answered 404"):
            asyncio.run(fetch_async((port, 7)))


def test_the_site_ends_with_its_block() -> None:
    """After the block nobody listens any more, also when something failed in it."""
    with pytest.raises(KeyError), serving(1, 50, (0.0, 1.0)) as port:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        fetch((port, 0))


def test_the_site_outlives_nobody() -> None:
    """A program that is killed takes its site along."""
    program = (
        "import os, time; from tracekit.compare.builtin._site import serving\n"
        "with serving(1, 50, (0.0, 1.0)) as port: print(port, flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        # The site holds the program's stderr: it is at its end when both are gone.
        assert process.communicate(timeout=60)[1] == b""
    with pytest.raises(ConnectionRefusedError):
        fetch((port, 0))


def test_a_site_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site whose process ends at once is an error, and not a wait without end."""
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(RuntimeError, match="did not start"), serving(1, 50, (0.0, 1.0)):
        pass
