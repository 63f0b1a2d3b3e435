"""Held: a program waits for a profiler, and for nothing else. Runs in threads of this process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from waiting import until

from tracekit.record.held import hold
from tracekit.spool import beside


def path(directory: Path, what: str, leader: int = os.getpid()) -> Path:
    return Path(beside.path_of(str(directory), leader, what))


def test_until_it_may_go(tmp_path: Path) -> None:
    """It says that it waits, and goes on as soon as it may."""
    thread = threading.Thread(target=hold, args=(str(tmp_path), os.getpid()))
    thread.start()
    until(path(tmp_path, beside.HELD).exists)
    assert thread.is_alive()
    path(tmp_path, beside.GO).touch()
    thread.join(60)

    assert not thread.is_alive()
    assert beside.leaders(str(tmp_path)) == [os.getpid()]


def test_a_later_one(tmp_path: Path) -> None:
    """What starts once it may does not wait, nor does it leave anything."""
    path(tmp_path, beside.GO).touch()
    hold(str(tmp_path), os.getpid())
    assert not path(tmp_path, beside.HELD).exists()


def test_without_a_leader(tmp_path: Path) -> None:
    """A leader that has gone is not waited for."""
    hold(str(tmp_path), 999_999_999)
    assert path(tmp_path, beside.HELD, 999_999_999).exists()
