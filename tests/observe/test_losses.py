"""What goes missing while it does, seen from outside. Knows spools, and no command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from spool_writer import SpoolWriter

from tracekit import events
from tracekit.observe.losses import DROPPED, GONE, STOPPED, Losses
from tracekit.spool import layout


def start_ticks(pid: int) -> int:
    """The kernel's start time of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def written(directory: Path, pid: int, **header: int) -> None:
    """A spool of one record."""
    spool = SpoolWriter(pid, **header)
    spool.record(10, events.PROCESS_BEGIN, "app.py")
    spool.write(directory)


def test_a_process_that_lacks_nothing(tmp_path: Path) -> None:
    """Of one that runs, and of one that has ended with a last word, there is nothing to be said."""
    here = os.getpid()
    written(tmp_path, here, start_ticks=start_ticks(here), ended=layout.ENDED_NOT)
    written(tmp_path, 4_000_000, ended=layout.ENDED_NORMALLY)

    assert Losses(str(tmp_path)).look() == []


def test_each_loss_is_told_once(tmp_path: Path) -> None:
    """Records that find no room, and a recording that stops, are told with the pid, and not again."""
    here = os.getpid()
    ticks = start_ticks(here)
    written(tmp_path, here, start_ticks=ticks, ended=layout.ENDED_NOT, dropped=5)
    written(tmp_path, 4_000_000, ended=layout.ENDED_MAX_SIZE, dropped=7)
    losses = Losses(str(tmp_path))

    found = sorted(losses.look())

    assert [(loss.event, loss.pid, loss.records) for loss in found] == [(DROPPED, here, 5), (STOPPED, 4_000_000, 7)][
        ::-1
    ]
    assert "largest size" in found[0].sentence
    assert losses.look() == []


def test_a_killed_process(tmp_path: Path) -> None:
    """One that is gone without a last word is told; one that became another program is not, while that runs."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    ticks = start_ticks(child.pid)
    written(tmp_path, child.pid, start_ticks=ticks, ended=layout.ENDED_NOT)
    losses = Losses(str(tmp_path))
    assert losses.look() == []
    child.kill()
    child.communicate()

    [loss] = losses.look()

    assert (loss.event, loss.pid) == (GONE, child.pid)
    assert losses.look() == []


def test_a_session_that_is_gone(tmp_path: Path) -> None:
    """Of a session that was removed there is nothing to be said."""
    assert Losses(str(tmp_path / "gone")).look() == []
