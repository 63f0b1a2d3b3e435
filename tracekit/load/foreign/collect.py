"""Collect: events of Chrome JSON -> columns, one method for each kind of event. Knows what stands in an event, and draws nothing.

What an event lacks or has in the wrong form is mended or left out, and counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.load.foreign.ids import Ids
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.owners import Owners
from tracekit.load.foreign.pairs import NAMELESS
from tracekit.load.foreign.profiles import Profiles
from tracekit.load.foreign.titles import TITLE, Titles
from tracekit.load.foreign.values import EARLIEST_US, LATEST, LATEST_US, Room, ns, number, whole
from tracekit.model.builder import Builder
from tracekit.model.trace import Flag, TrackKind

MOST_EVENTS = 40_000_000
OPEN = -(1 << 62)  # in place of the end of a slice that has none

ROW = 7  # of `rows`: line, start, end, name, args, category, flags
MARK = 6  # of `marks`: line, time, whether it is an end, name, args, category
POINT = 4  # of `points`: line, time, name, args
PHASE = 6  # of `phases`: key, process, time, which of BEGIN, END and INSTANT, name, args
HOP = 6  # of `hops`: line, time, which of STARTS, STEPS and ARRIVES, chain, whether the slice around it is meant, name

BEGIN, END, INSTANT = range(3)
STARTS, STEPS, ARRIVES = range(3)

_OBJECTS = "events of objects (ph N, O, D) were left out: a trace has no place for them"
_MEMORY = "memory dumps (ph v, V) were left out: a trace has no place for them"
_OTHERS = "events of unknown or rare kinds (ph {}) were left out"
_RARE = {**dict.fromkeys("NOD", _OBJECTS), **dict.fromkeys("vV", _MEMORY)}
_QUIET = frozenset({"c"})  # marks that synchronize clocks: nothing to be seen


class Collector:
    """The events of a file, as columns, and the counters, which go to the builder at once.

    Attributes:
        bound: arrows that are tied to a slice itself: the column it is in, its row there, the chain, whether it comes in and out.
        end_args: arguments that came with an end, by its row in `marks`.
        rest: the earliest and the latest time of what is in no column.
    """

    def __init__(self, builder: Builder, room: Room, mended: Mended) -> None:
        self.rows, self.marks, self.points = array("q"), array("q"), array("q")
        self.phases, self.hops = array("q"), array("q")
        self.bound: list[tuple[str, int, int, bool, bool]] = []
        self.end_args: dict[int, dict[str, Any]] = {}
        self.owners = Owners(builder, room, mended)
        self.titles = Titles(builder, room)
        self.profiles = Profiles(builder, room, mended)
        self.rest: tuple[int, int] | None = None
        self.overflow = False
        self.events = 0
        self._builder = builder
        self._room = room
        self._mended = mended
        self._ids = Ids(room, mended)
        self._strange: set[str] = set()
        self._take: dict[Any, Callable[[dict[str, Any]], None] | None] = {
            "X": None,  # these are taken together
            "B": self._begin,
            "E": self._end,
            **dict.fromkeys("iIR", self._instant),
            "C": self._counter,
            "M": self._metadata,
            **dict.fromkeys("stf", self._hop),
            **dict.fromkeys("beSF", self._phase),
            **dict.fromkeys("nTp", self._phase),
            "P": self._profile,
        }

    def take(self, events: list[dict[str, Any]]) -> bool:
        """Takes some events; False once there are more than a trace should have."""
        self.events += len(events)
        if self.events > MOST_EVENTS:
            self._mended.say(f"there are more than {MOST_EVENTS:,} events: the rest is left out")
            return False
        take = self._take
        slices: list[dict[str, Any]] = []
        for event in events:
            try:
                method = take[event["ph"]]
            except (KeyError, TypeError):
                self._stranger(event)
                continue
            if method is None:
                slices.append(event)
            else:
                method(event)
        if slices and not self._slices(slices):
            for event in slices:
                self._slice(event)
        return True

    def kinds(self) -> None:
        """Says which kinds of events were left out, once all were seen."""
        if self._strange:
            self._mended.say(_OTHERS.format(", ".join(sorted(self._strange))))

    def _stranger(self, event: dict[str, Any]) -> None:
        kind = event.get("ph")
        if not isinstance(kind, str) or not kind:
            self._mended.count("objects without a kind (ph) were left out")
        elif kind in _RARE:
            self._mended.count(_RARE[kind])
        elif kind not in _QUIET and len(self._strange) < 16:
            self._strange.add(kind[:1] if kind[:1].isprintable() else "?")

    def _where(self, event: dict[str, Any]) -> tuple[int, int] | None:
        """The line and the time of an event; None where it has none."""
        time = ns(event.get("ts"))
        if time is None:
            self._mended.count("events without a time (ts) that makes sense were left out")
            return None
        line = self.owners.line(event.get("pid"), event.get("tid"))
        return None if line is None else (line, time)

    def _slices(self, events: list[dict[str, Any]]) -> bool:
        """Takes slices all at once; False, and nothing taken, where one of them is out of the ordinary."""
        known, line_of, titles = self.titles.known, self.owners.line, self.titles
        try:
            start, length = (np.array([event[key] for event in events]) for key in ("ts", "dur"))
            if not (_is_plain(start, EARLIEST_US) and _is_plain(length, 0) and _is_plain(start + length, EARLIEST_US)):
                return False
            lines = [line_of(event["pid"], event["tid"]) for event in events]
            rows = [
                known[key] if (key := (event["name"], event.get("cat"))) in known else titles.row(*key)
                for event in events
            ]
        except (KeyError, TypeError, ValueError, OverflowError):
            return False
        special = [row for row, event in enumerate(events) if "args" in event or "bind_id" in event]
        if None in lines or any("bind_id" in events[row] for row in special):
            return False
        table = np.array(titles.table, np.int64).reshape(-1, TITLE)[rows]
        columns = np.zeros((len(events), ROW), np.int64)
        columns[:, 0], columns[:, 1] = np.array(lines, np.int64), np.rint(start * 1000)
        columns[:, 2] = columns[:, 1] + np.rint(length * 1000).astype(np.int64)
        columns[:, 3:6] = table
        for row in special:
            columns[row, 4] = titles.args(titles.of(rows[row]), events[row].get("args"))
        self.rows.frombytes(columns.tobytes())
        return True

    def _slice(self, event: dict[str, Any]) -> None:
        where = self._where(event)
        if where is None:
            return
        line, start = where
        title = self.titles.title(event.get("name"), event.get("cat"))
        args, flags = title.number, 0
        if "args" in event:
            args = self.titles.args(title, event["args"])
        length = ns(event.get("dur"))
        if length is None or start + length > LATEST:
            self._mended.count("slices without a duration that makes sense are drawn as unfinished")
            end, flags = OPEN, Flag.UNFINISHED
        else:
            if length < 0:
                self._mended.count("durations below zero were taken for none")
                length = 0
            end = start + length
        if "bind_id" in event:
            self._bind("rows", len(self.rows) // ROW, event)
        self.rows.extend((line, start, end, title.name, args, title.category, flags))

    def _begin(self, event: dict[str, Any]) -> None:
        where = self._where(event)
        if where is not None:
            title = self.titles.title(event.get("name"), event.get("cat"))
            if "bind_id" in event:
                self._bind("marks", len(self.marks) // MARK, event)
            args = self.titles.args(title, event.get("args"))
            self.marks.extend((*where, 0, title.name, args, title.category))

    def _end(self, event: dict[str, Any]) -> None:
        where = self._where(event)
        if where is not None:
            cat, name = event.get("cat"), event.get("name")
            title = self.titles.title(name, cat)
            if cat != "py-spy" and (args := self._room.args(event.get("args"))):
                self.end_args[len(self.marks) // MARK] = args
            self.marks.extend((*where, 1, NAMELESS if name is None else title.name, -1, title.category))

    def _instant(self, event: dict[str, Any]) -> None:
        where = self._where(event)
        if where is None:
            return
        title = self.titles.title(event.get("name"), event.get("cat"))
        args = self.titles.args(title, event.get("args"))
        if event.get("s") in ("p", "g"):
            process = self.owners.lines[where[0]].process
            track = self._builder.track(TrackKind.PROCESS, process)
            self._builder.instants(track, [where[1]], title.name, args)
            self._saw(where[1])
        else:
            self.points.extend((*where, title.name, args))

    def _counter(self, event: dict[str, Any]) -> None:
        time, args = ns(event.get("ts")), event.get("args")
        if time is None or not isinstance(args, dict):
            self._mended.count("counters without a time and values were left out")
            return
        process = self.owners.process(event.get("pid"))
        if process is None:
            return
        name = self._room.name(event.get("name"))
        if "id" in event:
            name = f"{name} {self._room.name(event['id'])}"
        for series, text in args.items():
            value = number(text)
            if value is None:
                self._mended.count("values of counters that are no finite numbers were left out")
            else:
                self._builder.counter(process, time, name, self._room.name(series), value)
                self._saw(time)

    def _saw(self, time: int) -> None:
        first, last = self.rest or (time, time)
        self.rest = min(first, time), max(last, time)

    def _metadata(self, event: dict[str, Any]) -> None:
        name, args, pid = event.get("name"), event.get("args"), event.get("pid")
        if not isinstance(args, dict):
            return
        text = args.get("name") if "name" in args else args.get("labels")
        if name == "process_name" and isinstance(text, str) and text:
            self.owners.name_process(pid, self._room.name(text))
        elif name == "process_labels" and isinstance(text, str) and text:
            self.owners.label_process(pid, self._room.name(text))
        elif name == "thread_name" and isinstance(text, str) and text:
            self.owners.name_line(pid, event.get("tid"), self._room.name(text))
        elif name == "num_cpus":
            self._builder.cores = max(0, min(whole(args.get("number")) or 0, 1 << 20))
        elif name == "trace_buffer_overflowed":
            self.overflow = True

    def _hop(self, event: dict[str, Any]) -> None:
        where = self._where(event)
        chain = self._ids.chain((event.get("cat"), event.get("name")), event.get("id"))
        if where is None or chain is None:
            return
        which = "stf".index(event["ph"])
        name = self.titles.title(event.get("name"), event.get("cat")).name
        self.hops.extend((*where, which, chain, which != ARRIVES or event.get("bp") == "e", name))

    def _bind(self, column: str, row: int, event: dict[str, Any]) -> None:
        comes, goes = event.get("flow_in") is True, event.get("flow_out") is True
        chain = self._ids.chain("bound", event["bind_id"])
        if chain is not None and (comes or goes):
            self.bound.append((column, row, chain, comes, goes))

    def _phase(self, event: dict[str, Any]) -> None:
        time = ns(event.get("ts"))
        if time is None:
            self._mended.count("events without a time (ts) that makes sense were left out")
            return
        process = self.owners.process(event.get("pid"))
        key = None if process is None else self._ids.key(event, process)
        if process is None or key is None:
            return
        title = self.titles.title(event.get("name"), event.get("cat"))
        which = {"b": BEGIN, "S": BEGIN, "e": END, "F": END}.get(event["ph"], INSTANT)
        row = len(self.phases) // PHASE
        if which == END:
            args = -1
            if own := self._room.args(event.get("args")):
                self.end_args[-1 - row] = own
        else:
            args = self.titles.args(title, event.get("args"))
        if "bind_id" in event:
            self._bind("phases", row, event)
        name = NAMELESS if which == END and event.get("name") is None else title.name
        self.phases.extend((key, process, time, which, name, args))

    def _profile(self, event: dict[str, Any]) -> None:
        line = self.owners.line(event.get("pid"), event.get("tid"))
        if line is not None:
            self.profiles.take(event, line)


def _is_plain(column: NDArray[Any], lowest: int) -> bool:
    """Whether a column holds numbers only, all of them microseconds that make sense."""
    if column.dtype.kind not in "fi" or column.ndim != 1:
        return False
    return bool(((column >= lowest) & (column < LATEST_US)).all())
