"""Prune: which spools of a flight recorder's session go, and which stay. Knows headers only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from spool_writer import SpoolWriter

from tracekit.spool import layout
from tracekit.spool.file import SpoolFile
from tracekit.spool.headers import read_header
from tracekit.spool.limits import Limits
from tracekit.spool.prune import prune

_NOW = 10**12
_GONE = 1 << 22  # no pid is that large


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is always the same moment."""
    monkeypatch.setattr("tracekit.spool.prune.monotonic_ns", lambda: _NOW)


def ended(directory: Path, ago: int, **header: int) -> str:
    """A spool of a process that ended so long ago; its name."""
    writer = SpoolWriter(pid=_GONE, **{"end_monotonic": _NOW - ago, "flight_ns": 100, **header})
    writer.record(1, 1, 1)
    name = f"{_GONE}-{ago}.spool"
    (directory / name).write_bytes(writer.data())
    return name


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_time(tmp_path: Path) -> None:
    """What ended before the window goes; what ended in it, and whoever lives, however old, stays."""
    ended(tmp_path, 101)
    recent = ended(tmp_path, 99)
    own = os.path.basename(SpoolFile(str(tmp_path)).path)

    prune(str(tmp_path), Limits(flight_ns=100))

    assert names(tmp_path) == sorted([recent, own])


def test_size(tmp_path: Path) -> None:
    """Of what has ended the latest stay that fit into the size."""
    kept = [ended(tmp_path, ago) for ago in (1, 2, 3, 4, 5)][:3]
    size = os.path.getsize(tmp_path / kept[0])

    prune(str(tmp_path), Limits(flight_bytes=3 * size + 1))

    assert names(tmp_path) == sorted(kept)


def test_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows when a killed process ended: it counts from when it was found gone."""
    name = ended(tmp_path, 10**9, end_monotonic=0, ended=layout.ENDED_NOT)
    latest = ended(tmp_path, -200)

    prune(str(tmp_path), Limits(flight_ns=100))
    monkeypatch.setattr("tracekit.spool.prune.monotonic_ns", lambda: _NOW + 100)
    prune(str(tmp_path), Limits(flight_ns=100))
    assert names(tmp_path) == sorted([name, latest])
    assert read_header(str(tmp_path / name))[layout.H_FOUND_DEAD] == _NOW
    monkeypatch.setattr("tracekit.spool.prune.monotonic_ns", lambda: _NOW + 101)
    prune(str(tmp_path), Limits(flight_ns=100))
    assert names(tmp_path) == [latest]


def test_the_latest_stays(tmp_path: Path) -> None:
    """The last process that ended keeps its recording, however old or large that is: else there might be nothing at all."""
    latest, _ = ended(tmp_path, 10**6), ended(tmp_path, 10**7)

    prune(str(tmp_path), Limits(flight_ns=100))
    assert names(tmp_path) == [latest]
    ended(tmp_path, 10**8)
    prune(str(tmp_path), Limits(flight_bytes=1))
    assert names(tmp_path) == [latest]


def test_what_is_not_known_stays(tmp_path: Path) -> None:
    """Files that are no spools of ours, and a directory that is gone, are no trouble."""
    (tmp_path / "garbage.spool").write_bytes(b"garbage")
    (tmp_path / "session.json").write_text("{}")

    prune(str(tmp_path), Limits(flight_ns=100))
    prune(str(tmp_path / "none"), Limits(flight_ns=100))

    assert names(tmp_path) == ["garbage.spool", "session.json"]


def test_a_few_at_a_time(tmp_path: Path) -> None:
    """Who only looks at a few of them removes no more than these."""
    for ago in range(1000, 1020):
        ended(tmp_path, ago)

    prune(str(tmp_path), Limits(flight_ns=100), most=5)

    assert len(names(tmp_path)) == 16


def test_a_process_that_ended_while_somebody_has_its_pid(tmp_path: Path) -> None:
    """A pid that another process has by now does not keep a spool."""
    latest = ended(tmp_path, 1)
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            writer = SpoolWriter(pid=other.pid, end_monotonic=1, start_ticks=1)
            writer.record(1, 1, 1)
            (tmp_path / "1-1.spool").write_bytes(writer.data())
            prune(str(tmp_path), Limits(flight_ns=100))
        finally:
            other.kill()
    assert names(tmp_path) == [latest]


def test_an_observer(tmp_path: Path) -> None:
    """What an observer wrote is never taken for the latest of the program's processes, and never removed."""
    observers = ended(tmp_path, 1, observer=1)
    latest = ended(tmp_path, 500)

    prune(str(tmp_path), Limits(flight_ns=100))

    assert names(tmp_path) == sorted([latest, observers])
