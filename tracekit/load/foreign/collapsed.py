"""Collapsed: lines of "frame;frame;frame count", as py-spy's raw format and scripts for flame graphs write them -> samples.

Such a file does not say when anything was: only how often each stack was seen. So the samples of a thread are laid one after
another, a fixed time apart, and a note says that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tracekit.errors import TracekitError
from tracekit.load.foreign.calls import parse, parse_thread
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.unpack import unpack
from tracekit.load.foreign.values import Room
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, Trace, TrackKind

STEP_NS = 10_000_000  # between two samples: py-spy's, unless it is told otherwise
MOST_SAMPLES = 1_000_000
MOST_DEEP = 2000

_LINE = re.compile(r"(?P<stack>\S.*) (?P<count>\d{1,18})", re.DOTALL)
_PROCESS = re.compile(r'process (?P<pid>\d{1,9}):"(?P<name>.*)"', re.DOTALL)
_MAIN = "MainThread"
_LONGEST = 1 << 20


def looks_like(first: bytes) -> bool:
    """Whether a file that begins so may hold collapsed stacks."""
    line, newline, _ = first.partition(b"\n")
    if b"\0" in line:
        return False
    # Of a long line only its beginning is there.
    return _LINE.fullmatch(line.decode("utf-8", "replace").rstrip("\r")) is not None if newline else b";" in line


def load(path: Path, progress: Callable[[int, int], None] | None = None) -> Trace:
    """Reads a file of collapsed stacks, plain or gzipped.

    Raises:
        TracekitError: it cannot be read, or holds none.
    """
    mended = Mended()
    builder = Builder(path.name)
    room = Room(mended)
    stacks = _Stacks(builder, room, mended)
    for line in _lines(path, mended, progress):
        match = _LINE.fullmatch(line)
        if match is None:
            mended.count("lines that are no stack with a count were left out", bool(line.strip()))
        else:
            stacks.take(match["stack"], int(match["count"]))
    if not stacks.lay():
        raise TracekitError(f"{path} holds no stack with a count. Give what `py-spy record --format raw` wrote.")
    builder.note(
        "the file says how often each stack was seen, and not when: the samples of each thread are laid one after another, "
        f"{STEP_NS // 1_000_000} ms apart, so neither their order nor the times are those of the program"
    )
    builder.notes.extend(mended.notes())
    return builder.build(final=True)


def _lines(path: Path, mended: Mended, progress: Callable[[int, int], None] | None) -> Iterator[str]:
    begun = b""
    for chunk in unpack(path, mended, progress):
        *whole, begun = (begun + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
        if len(begun) > _LONGEST:
            mended.count("lines that are too long were cut")
            begun = b""
    yield begun.decode("utf-8", "replace").rstrip("\r")


class _Stacks:
    """The stacks of a file, by thread."""

    def __init__(self, builder: Builder, room: Room, mended: Mended) -> None:
        self._builder = builder
        self._room = room
        self._mended = mended
        # How often each stack was seen; in the order in which they were seen first.
        self._threads: dict[tuple[int, str], dict[int, int]] = {}
        self._known: dict[str, tuple[tuple[int, str], int]] = {}
        self._tids: dict[tuple[int, str], int] = {}
        self._processes: dict[int, str] = {}

    def take(self, stack: str, count: int) -> None:
        """Takes one stack, outermost frame first."""
        known = self._known.get(stack) or self._read(stack)
        if known is not None:
            key, row = known
            seen = self._threads[key]
            seen[row] = seen.get(row, 0) + count

    def _read(self, stack: str) -> tuple[tuple[int, str], int] | None:
        """The thread and the innermost frame of a stack; None where there is no room for it."""
        frames = stack.split(";")
        pid, first = 0, 0
        if told := _PROCESS.fullmatch(frames[0]):
            pid, first = int(told["pid"]), 1
            self._processes.setdefault(pid, told["name"][:1000])
        name, tid = "", 0
        if first < len(frames) and (thread := parse_thread(frames[first])):
            (tid, name), first = thread, first + 1
        if len(frames) - first > MOST_DEEP:
            self._mended.count(f"stacks were cut, because they are more than {MOST_DEEP} deep")
            frames = frames[: first + MOST_DEEP]
        if not self._room.take(len(frames) + 4 + len(stack) // 64):
            self._mended.count("stacks were left out, because there are too many")
            return None
        row = -1
        for frame in frames[first:]:
            function, file, line = parse(self._room.name(frame))
            row = self._builder.frame(row, function, file, line)
        key = pid, f"{tid}:{name}"
        self._tids[key] = tid
        self._threads.setdefault(key, {})
        self._known[stack] = key, row
        return self._known[stack]

    def lay(self) -> bool:
        """Lays all samples; False if there is none."""
        total = sum(count for stacks in self._threads.values() for count in stacks.values())
        if not total:
            return False
        share = -(-total // MOST_SAMPLES)
        if share > 1:
            self._builder.note(f"there are {total:,} samples: one in {share:,} is in the trace")
        rows: dict[int, int] = {}
        for (pid, key), stacks in self._threads.items():
            if pid not in rows:
                rows[pid] = self._builder.process(pid, self._processes.get(pid) or "sampled program")
            tid = self._tids[pid, key]
            name = key.partition(":")[2] or (f"thread {tid}" if tid else "all threads")
            is_main = not tid or tid == pid or name == _MAIN
            thread = self._builder.thread(rows[pid], tid or pid, name, main=is_main)
            if is_main and not pid:
                self._builder.processes[rows[pid]].pid = tid  # of a main thread, it is the process's as well
            self._lay_thread(thread, name, stacks, share)
        return True

    def _lay_thread(self, thread: int, name: str, stacks: dict[int, int], share: int) -> None:
        # Rounded as a running sum, so that neither large nor small counts come off badly.
        edges = np.cumsum([count / share for count in stacks.values()]).round().astype(np.int64)
        frame = np.repeat(list(stacks), np.diff(edges, prepend=0))
        time = np.arange(len(frame)) * STEP_NS
        self._builder.samples(thread, time, frame, int(SampleState.UNKNOWN), int(SampleSource.OTHER))
        track = self._builder.track(TrackKind.THREAD, thread)
        self._builder.slice(track, 0, len(frame) * STEP_NS, name, Category.THREAD)
