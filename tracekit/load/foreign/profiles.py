"""Profiles: call stacks that were sampled, as V8 and Chrome write them beside events -> samples. Knows no other kind of event.

A profile begins with an event that says when, and goes on in chunks, each with new nodes of the tree of calls, the node that
each sample was in, and the time since the one before. Older files have two tables beside the events instead.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.values import EARLIEST, LATEST, Room, label, ns, whole
from tracekit.model.builder import Builder
from tracekit.model.trace import SampleState

SAMPLE = 4  # of `samples`: line, time, frame, state

_MOST_SAMPLES = 20_000_000
_IDLE, _ROOT = "(idle)", "(root)"


class _Profile:
    def __init__(self, line: int, time: int) -> None:
        self.line = line
        self.time = time
        self.frames: dict[int, int] = {}
        self.idle: set[int] = set()


class Profiles:
    """The samples of a file, as columns, by the lines that they are of; their frames go to the builder at once."""

    def __init__(self, builder: Builder, room: Room, mended: Mended) -> None:
        self.samples = array("q")
        self._builder = builder
        self._room = room
        self._mended = mended
        self._profiles: dict[tuple[str, str], _Profile] = {}

    def take(self, event: dict[str, Any], line: int) -> None:
        """Takes the beginning of a profile, or a chunk of it."""
        args = event.get("args")
        data = args.get("data") if isinstance(args, dict) else None
        if not isinstance(data, dict):
            self._mended.count("samples without data were left out")
            return
        key = (label(event.get("pid")), label(event.get("id")))
        if event.get("name") == "Profile":
            start = ns(data["startTime"] if "startTime" in data else event.get("ts"))
            if start is None or not self._room.take(4):
                self._mended.count("profiles without a beginning were left out")
            else:
                self._profiles[key] = _Profile(line, start)
        profile = self._profiles.get(key)
        if profile is None:
            self._mended.count("pieces of profiles without a beginning were left out")
            return
        whole_profile = data.get("cpuProfile")
        tree = whole_profile if isinstance(whole_profile, dict) else data
        self._nodes(profile, tree.get("nodes"))
        deltas = data.get("timeDeltas", tree.get("timeDeltas"))
        self._samples(profile, tree.get("samples"), deltas)

    def take_tables(self, frames: Any, samples: Any, line_of: Callable[[Any], int | None]) -> None:
        """Takes the two tables that older files have.

        Args:
            line_of: the line of a tid.
        """
        if not isinstance(samples, list):
            return
        table = frames if isinstance(frames, dict) else {}
        known: dict[str, int] = {}
        for sample in samples:
            time = ns(sample.get("ts")) if isinstance(sample, dict) else None
            line = line_of(sample.get("tid")) if time is not None else None
            if time is None or line is None or not self._fits():
                self._mended.count("samples without a time or a thread were left out")
                continue
            self.samples.extend(
                (line, time, self._old_frame(table, label(sample.get("sf")), known), SampleState.UNKNOWN)
            )

    def _nodes(self, profile: _Profile, nodes: Any) -> None:
        for node in nodes if isinstance(nodes, list) else ():
            number = whole(node.get("id")) if isinstance(node, dict) else None
            call = node.get("callFrame") if isinstance(node, dict) else None
            if number is None or not isinstance(call, dict) or not self._room.take(2):
                self._mended.count("frames of profiles were left out")
                continue
            function, file = self._room.name(call.get("functionName")), call.get("url")
            line = whole(call.get("lineNumber"))
            parent = whole(node.get("parent"))
            above = -1 if parent is None else profile.frames.get(parent, -1)
            if function == _ROOT:
                profile.frames[number] = -1
                continue
            if function == _IDLE:
                profile.idle.add(number)
            line = line + 1 if line is not None and 0 <= line < 1 << 30 else 0
            profile.frames[number] = self._builder.frame(above, function, self._room.name(file) if file else "", line)

    def _samples(self, profile: _Profile, samples: Any, deltas: Any) -> None:
        if not isinstance(samples, list):
            return
        steps = deltas if isinstance(deltas, list) else []
        if len(steps) < len(samples):
            self._mended.count("samples without a time were left out", len(samples) - len(steps))
        for node, delta in zip(samples, steps):
            step = ns(delta)
            if step is None or not EARLIEST < profile.time + step < LATEST or not self._fits():
                self._mended.count("samples were left out, because their times make no sense or there are too many")
                continue
            profile.time += step
            number = whole(node)
            frame = -1 if number is None else profile.frames.get(number, -1)
            state = SampleState.IDLE if number in profile.idle else SampleState.UNKNOWN
            self.samples.extend((profile.line, profile.time, frame, state))

    def _old_frame(self, table: dict[str, Any], key: str, known: dict[str, int]) -> int:
        """The row of a frame in the older tables, with those above it."""
        chain: list[str] = []
        at: str | None = key
        while at is not None and at not in known and len(chain) < 1000 and isinstance(table.get(at), dict):
            chain.append(at)
            parent = table[at].get("parent")
            at = None if parent is None or label(parent) in chain else label(parent)
        row = known.get(at, -1) if at is not None else -1
        for name in reversed(chain):
            if not self._room.take(1):
                return row
            row = known[name] = self._builder.frame(row, self._room.name(table[name].get("name")), "", 0)
        return row

    def _fits(self) -> bool:
        return len(self.samples) < _MOST_SAMPLES * SAMPLE
