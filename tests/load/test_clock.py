"""Ticks to nanoseconds: one conversion for a session, right to what its anchors allow, and never absurd. Knows no trace."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.load import clock, load
from tracekit.model.check import check
from tracekit.spool import layout
from tracekit.spool.reader import Spool, read_spool

START_TICKS, START_NS = 7_000_000_000_000, 2_000_000_000_000
MS = 1_000_000


class Drifting:
    """A clock of about `rate` ticks a ns, that runs otherwise in each of its stretches.

    Args:
        stretches: length in ms and deviation in ppm.
    """

    def __init__(self, rate: float, stretches: list[tuple[int, int]]) -> None:
        lengths = np.array([length * MS for length, _ in stretches], float)
        speeds = np.array([rate * (1 + ppm * 1e-6) for _, ppm in stretches])
        self._ns = np.concatenate(([0.0], np.cumsum(lengths)))
        self._ticks = np.concatenate(([0.0], np.cumsum(lengths * speeds)))
        self.length = int(self._ns[-1])

    def ticks(self, ns: np.ndarray) -> np.ndarray:
        """What it shows so many ns after the start."""
        return (START_TICKS + np.rint(np.interp(ns, self._ns, self._ticks))).astype(np.uint64)


drifting = st.builds(
    Drifting,
    st.floats(0.5, 5),
    st.lists(st.tuples(st.integers(1, 900), st.integers(-100, 100)), min_size=1, max_size=12),
)


@given(drifting, st.lists(st.floats(0, 1), max_size=30), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_drifting_clock(real: Drifting, places: list[float], chance: object) -> None:
    """Between anchors the error is what the drift can do in that time, and times stay in their order."""
    anchored = np.unique(np.array([0.0, *places, 1.0]) * real.length).astype(np.int64)
    anchors = list(zip(real.ticks(anchored).tolist(), (START_NS + anchored).tolist()))
    chance.shuffle(anchors)
    times = np.linspace(0, real.length, 997).astype(np.int64)
    read = clock.Clock(anchors).ns(real.ticks(times)).astype(np.int64) - START_NS
    assert (np.diff(read) >= 0).all()
    widest = max(later - earlier for earlier, later in pairwise(anchored.tolist()))
    assert np.abs(read - times).max() <= widest * 200e-6 + 4


@given(drifting, st.integers(1, 10_000_000_000))
@settings(deadline=None)
def test_beyond_the_anchors(real: Drifting, later: int) -> None:
    """Before the first and after the last anchor the clock goes on at the rate that it had there."""
    ends = np.array([0, real.length])
    made = clock.Clock(list(zip(real.ticks(ends).tolist(), (START_NS + ends).tolist())))
    first, last = real.ticks(ends).astype(np.int64).tolist()
    rate = real.length / (last - first)
    after = made.ns(np.array([last + later], np.uint64)).astype(np.int64)[0]
    assert abs(after - (START_NS + real.length + later * rate)) <= 2 + later * 1e-9
    before = made.ns(np.array([first - later], np.uint64)).astype(np.int64)[0]
    assert abs(before - (START_NS - later * rate)) <= 2 + later * 1e-9


@given(drifting, st.lists(st.tuples(st.integers(0, 1 << 64), st.integers(0, 1 << 64)), max_size=3))
@settings(deadline=None)
def test_a_few_damaged_anchors_do_no_harm(real: Drifting, damaged: list[tuple[int, int]]) -> None:
    """Anchors that no clock could have shown are left out."""
    anchored = np.linspace(0, real.length, 12).astype(np.int64)
    sound = list(zip(real.ticks(anchored).tolist(), (START_NS + anchored).tolist()))
    assume(all(not START_TICKS / 2 < ticks < START_TICKS * 2 for ticks, _ in damaged))
    times = np.linspace(0, real.length, 101).astype(np.int64)
    read = clock.Clock(sound + damaged).ns(real.ticks(times)).astype(np.int64) - START_NS
    assert np.abs(read - times).max() <= real.length * 200e-6 + 4


wild = st.integers(0, (1 << 64) - 1)


@given(st.lists(st.tuples(wild, wild) | st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8), st.lists(wild))
@example([(1, (1 << 62) - 1), (2, 1)], [0, 1, 2, (1 << 64) - 1])
@example([(1, 1), (2, (1 << 62) - 1)], [0, 1, 2, (1 << 64) - 1])
def test_no_anchors_make_absurd_times(anchors: list[tuple[int, int]], ticks: list[int]) -> None:
    """Whatever the anchors, times stay in their order and within what a signed column holds."""
    ordered = np.array(sorted(ticks), np.uint64)
    read = clock.Clock(anchors).ns(ordered)
    assert (np.diff(read.astype(np.int64)) >= 0).all()
    assert not len(read) or int(read.max()) < 1 << 62


def ticking(pid: int, *times: int, anchored: bool = True) -> SpoolWriter:
    """A process that writes an instant at each of these ticks; its clock shows 3 ticks a ns."""
    spool = SpoolWriter(pid, clock=layout.CLOCK_TSC, start_monotonic=1000, start_reading=3000)
    for time in times:
        spool.record(time, e.INSTANT, str(time), 0, spool.arg("ticks", time))
    if anchored:
        spool.record(9000, e.CLOCK, 0, 0, (e.READING, 0, 3000))
    return spool


def converted(tmp_path: Path, *writers: SpoolWriter, more: tuple[tuple[int, int], ...] = ()) -> list[Spool]:
    """The spools as they are read, on one clock."""
    spools = [read_spool(writer.write(tmp_path)) for writer in writers]
    assert clock.convert(spools, more) == []
    return spools


def test_two_processes_agree(tmp_path: Path) -> None:
    """One moment has one time, in whichever process it was read; arguments are no times."""
    first, second = converted(tmp_path, ticking(1, 3300, 6001), ticking(2, 3300, 6001, anchored=False))
    assert first.threads[0].time[:4].tolist() == [1100, 3300, 2000, 6001]
    assert second.threads[0].time.tolist() == [1100, 3300, 2000, 6001]


def test_a_spool_that_counts_ns_is_left_alone(tmp_path: Path) -> None:
    """Only ticks are converted."""
    plain = SpoolWriter(3, start_monotonic=1000)
    plain.record(3300, e.INSTANT)
    spools = converted(tmp_path, ticking(1, 3300), plain)
    assert spools[1].threads[0].time.tolist() == [3300]


def test_anchors_from_elsewhere(tmp_path: Path) -> None:
    """The description of the session has anchors as well; and what was let go of is told by the same clock."""
    spool = ticking(1, 3300, anchored=False)
    spool.header[layout.H_LET_GO] = 3150
    (read,) = converted(tmp_path, spool, more=((9000, 3000),))
    assert read.threads[0].time.tolist() == [1100, 3300]
    assert read.header.let_go == 1050


def test_a_clock_of_unknown_speed(tmp_path: Path) -> None:
    """With a single anchor times are a guess, and the trace says so."""
    ticking(1, 3300, anchored=False).write(tmp_path)
    assert any("all times of this trace are estimates" in note for note in load(tmp_path).notes)


@pytest.mark.parametrize("anchors", ["no list", [1], [[1]], [["a", 2]], [[1, 2, 3]], [[-5, -5]], [[1 << 70, 5]]])
def test_hostile_anchors(tmp_path: Path, anchors: object) -> None:
    """Whatever stands in the description, the session is loaded."""
    ticking(1, 3300).write(tmp_path)
    (tmp_path / "session.json").write_bytes(json.dumps({"anchors": anchors}).encode())
    trace = load(tmp_path)
    assert check(trace) == []
    assert trace.instants.time.tolist() == [100]


def test_a_trace_of_ticks(tmp_path: Path) -> None:
    """A trace made of ticks is one in ns: slices, wall time and all."""
    spool = SpoolWriter(clock=layout.CLOCK_TSC, start_monotonic=1000, start_reading=3000, start_wall=5000)
    spool.header |= {layout.H_END_MONOTONIC: 2000, layout.H_END_READING: 6000}
    spool.record(3000, e.THREAD_BEGIN, "MainThread", 1)
    begin = spool.record(3300, e.SPAN_BEGIN, "load")
    spool.record(3600, e.SPAN_END, 0, begin)
    spool.record(6000, e.PROCESS_END)
    spool.write(tmp_path)
    trace = load(tmp_path)
    assert (trace.duration, trace.wall_start) == (1000, 5000)
    assert [(row.start, row.end) for row in rows_of(trace, "SPAN")] == [(100, 200)]
