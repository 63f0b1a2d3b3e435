"""Sampled: the stacks that py-spy sampled go to the threads of the trace, by one clock. Knows the files that it leaves.

It looks at all threads at once, also at a beacon, whose stack is another one each time: so all looks are known, and when each was
taken. What it says nothing of has not changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from tracekit import events
from tracekit.load.beats import find_zero, times_of
from tracekit.load.observed import lives_of
from tracekit.load.spied import WAITING, Spied, Told, Who
from tracekit.load.states import Life, Seen
from tracekit.model.builder import Builder
from tracekit.model.trace import Int8, Int64, SampleSource, SampleState
from tracekit.spool import beside
from tracekit.units import say_duration

_BEAT, _FIRST_LINE = "beat", 3  # where the beacon is during its first beat
_NEAR_NS = 50_000_000  # how far away a state may have been seen to count
_FEW = 0.5  # of the looks that were asked for
_GOOD_NS = 1_000_000  # how exactly the clock should be known


def lay(directory: Path, seen: list[Seen], goes_on: bool, builder: Builder) -> None:
    """Adds what py-spy sampled in a session.

    Args:
        seen: what an observer saw of each thread.
        goes_on: the program runs.
        builder: has all threads of the trace already.
    """
    try:
        leaders = beside.leaders(str(directory))
    except OSError:
        return
    for leader in leaders:
        _lay(_Files(directory, leader), seen, goes_on, builder)


class _Files:
    """What one `tracekit run` had sampled."""

    def __init__(self, directory: Path, leader: int) -> None:
        self._directory, self.leader = str(directory), leader

    def path(self, what: str) -> Path:
        return Path(beside.path_of(self._directory, self.leader, what))

    def text(self, what: str) -> str:
        try:
            return self.path(what).read_text("utf-8", "replace")
        except OSError:
            return ""

    def rate(self) -> int:
        """How often a second it was to look; 0 where that is not known."""
        text = self.text(beside.GO)
        return int(text) if text.isdecimal() and len(text) < 9 else 0

    def beats(self) -> tuple[int, Int64]:
        """The pid of the beacon, and when its beats began."""
        try:
            data = self.path(beside.BEATS).read_bytes()
        except OSError:
            data = b""
        words = np.frombuffer(data, np.int64, len(data) // 8)
        return (int(words[0]), words[1:]) if len(words) else (-1, words)


def _lay(files: _Files, seen: list[Seen], goes_on: bool, builder: Builder) -> None:
    said = files.text(beside.SAID)
    if said:
        builder.note(said)
    beacon, beats = files.beats()
    spied = Spied(builder, frozenset({files.leader}), beacon, _BEAT)
    try:
        with files.path(beside.SAMPLES).open("rb") as file:
            spied.read(file)
    except OSError:
        if not said:
            why = "it writes them when the program has ended" if goes_on else "it was ended before it could write them"
            builder.note(f"there are no samples of py-spy: {why}")
        return
    except ValueError:
        builder.note("what py-spy wrote is damaged: samples are missing")
    stamps = np.array(spied.stamps, np.int64) * 1000
    numbers = np.array(spied.lines, np.int64) - _FIRST_LINE
    zero = find_zero(beats, stamps, numbers)
    if zero is None:
        builder.note("when py-spy looked is not known, because it did not see the beacon: its samples are left out")
        return
    if not spied.threads:
        builder.note("py-spy saw nothing of the program: `tracekit doctor` says what may keep it from looking")
    if zero.error > _GOOD_NS:
        builder.note(f"when py-spy looked is known to within {say_duration(zero.error)} only")
    times = times_of(beats, stamps, numbers, zero)
    passed, rate = int(times[-1] - times[0]) / 1e9, files.rate()
    if len(times) < passed * rate * _FEW:
        builder.note(
            f"py-spy was to look {rate} times a second, and did {len(times) / passed:.0f} times: it had no processor for more"
        )
    _lay_threads(spied, stamps, times, seen, builder)


def _lay_threads(spied: Spied, stamps: Int64, times: Int64, seen: list[Seen], builder: Builder) -> None:
    """Lays the samples of all threads.

    Args:
        stamps, times: of the looks, by py-spy's clock and by the trace's.
    """
    lives, unknown = _Lives(builder, spied), 0
    of_thread = {one.life.thread: one for one in seen}
    for who, told in spied.threads.items():
        changed = _nearest(stamps, np.array(told.stamps, np.int64) * 1000)
        last = np.searchsorted(changed, np.arange(len(times)), side="right") - 1
        frames = np.array(told.frames, np.int64)
        for begin, end, found in lives.of(who, told):
            unknown += not found
            for life in found:
                there = (times >= max(life.start, builder.since)) & (times <= life.end)
                own = np.flatnonzero((last >= begin) & (last < end) & there)
                own = own[frames[last[own]] != WAITING]
                state = _states(of_thread.get(life.thread), times[own])
                builder.samples(life.thread, times[own], frames[last[own]], state, SampleSource.SAMPLER)
    if unknown:
        builder.note(
            f"threads that py-spy sampled and that are not in this trace, or have no name of their own: {unknown}"
        )


def _nearest(stamps: Int64, wanted: Int64) -> Int64:
    """Which look each stamp belongs to: what was seen at one look is stamped at once."""
    last = len(stamps) - 1
    after = np.minimum(np.searchsorted(stamps, wanted), last)
    before = np.maximum(after - 1, 0)
    nearest = np.where(wanted - stamps[before] <= stamps[after] - wanted, before, after)
    ordered: Int64 = np.maximum.accumulate(nearest).astype(np.int64)
    return ordered


def _states(seen: Seen | None, times: Int64) -> Int8:
    """What the thread was seen to do by the observer's last look before each time, if that was not long before."""
    states = np.full(len(times), SampleState.UNKNOWN, np.uint8)
    if seen is None or not len(seen.samples):
        return states
    at = np.maximum(np.searchsorted(seen.samples.time, times, side="right") - 1, 0)
    near = np.abs(times - seen.samples.time[at]) <= _NEAR_NS
    state = seen.samples.state[at]
    states[near & (state > 0)] = SampleState.IDLE
    states[near & (state == events.STATE_RUNNING)] = SampleState.ACTIVE
    return states


class _Lives:
    """The threads of the trace, and how py-spy's are found among them."""

    def __init__(self, builder: Builder, spied: Spied) -> None:
        self._of_tid = lives_of(builder)
        self._keys = Counter(who.pid for who in spied.threads)
        self._nameless = Counter(who.pid for who, told in spied.threads.items() if not any(told.names))
        self._names = {(who.pid, name) for who, told in spied.threads.items() for name in told.names if name}
        self._of_name: dict[tuple[int, str], list[Life]] = {}
        for (pid, tid), lives in self._of_tid.items():
            for life in lives:
                for name in {builder.threads[life.thread].name, "MainThread" if tid == pid else ""}:
                    self._of_name.setdefault((pid, name), []).append(life)

    def of(self, who: Who, told: Told) -> Iterator[tuple[int, int, list[Life]]]:
        """The lives that have been the thread's, and from which row of what was told to which; [] where nobody can tell."""
        if who.tid:
            yield 0, len(told.stamps), self._of_tid.get((who.pid, who.tid), [])
            return
        begin = 0
        for name, rows in groupby(_filled(told.names)):
            end = begin + len(list(rows))
            # As long as there is only one thread nobody may have asked for its name.
            name = name or ("MainThread" if self._keys[who.pid] == 1 else "")
            yield begin, end, self._alone(who.pid, name) if name else self._left(who.pid)
            begin = end

    def _left(self, pid: int) -> list[Life]:
        """The one thread that no name stands for, where py-spy has never learnt the name of one."""
        named = {life.thread for key, lives in self._of_name.items() if key in self._names for life in lives}
        left = [
            life for (of, _), lives in self._of_tid.items() if of == pid for life in lives if life.thread not in named
        ]
        return left if self._nameless[pid] == 1 == len({life.thread for life in left}) else []

    def _alone(self, pid: int, name: str) -> list[Life]:
        found = sorted(self._of_name.get((pid, name), []), key=lambda life: life.start)
        return [] if any(one.end > other.start for one, other in pairwise(found)) else found


def _filled(names: list[str]) -> list[str]:
    """What had no name yet goes by the next one."""
    filled, following = list(names), ""
    for at in range(len(names) - 1, -1, -1):
        following = filled[at] = names[at] or following
    return filled
