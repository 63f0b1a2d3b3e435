"""SpanRecords: the records of spans in columns, and which end belongs to which begin. Knows no track and no slice.

Nearly all ends say which begin is theirs; a loop takes only the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.columns import of_kinds
from tracekit.model.trace import Int8, Int32, Int64
from tracekit.spool import layout

# Slots are handed out one after the other, by blocks; only damage makes some that are far away.
_SPARSE = 4
_FEW = 64  # times less than all
KINDS = frozenset((events.SPAN_BEGIN, events.SPAN_END, events.SPAN_ARGS, events.SPAN_SUSPEND, events.SPAN_RESUME))


@dataclass(slots=True)
class SpanRecords:
    """All records of spans of one image, in columns: thread after thread, each in its order."""

    time: Int64
    kind: Int8
    name: Int32
    begin: NDArray[np.uint32]  # slot of the begin that it belongs to, or 0
    slot: Int64
    log: Int32
    step: Int32  # number of the step that it was written in, or -1
    carried: Int8  # 1: of a flight recorder, which no longer knows that step; 2: and it was in some loop
    task: Int32
    is_outside: bool  # none was written in a step

    def pair(self, begins: Int64) -> tuple[Int64, int]:
        """For each begin the record of its end, or -1; and how many ends have no begin.

        Args:
            begins: the records that are begins.
        """
        ends = np.flatnonzero(self.kind == events.SPAN_END)
        found = self.find(begins, self.begin[ends])
        end_of = np.full(len(begins), -1, np.int64)
        claims = np.flatnonzero(found >= 0)
        end_of[found[claims]] = ends[claims]
        if np.count_nonzero(end_of >= 0) < len(claims):
            # Of two ends that claim one begin the earlier one has it; assigned from the last to the first.
            claims = claims[np.argsort(-self.time[ends[claims]], kind="stable")]
            end_of[found[claims]] = ends[claims]
        unmatched = ends[found < 0]
        nameless = unmatched[self.begin[unmatched] == 0]
        orphans = len(unmatched) - len(nameless)
        if len(nameless):
            orphans += self._pair_by_name(begins, nameless, end_of)
        return end_of, orphans

    def find(self, begins: Int64, wanted: NDArray[Any]) -> Int64:
        """For each slot that is wanted the begin that stands there (a position in `begins`); -1 where there is none."""
        slots = self.slot[begins]
        if not len(wanted):
            return np.empty(0, np.int64)
        room = int(slots.max()) + 1
        if len(wanted) * _FEW < len(slots) or room > _SPARSE * (len(self.slot) + layout.BLOCK_SLOTS):
            order = np.argsort(slots, kind="stable")
            at = np.minimum(np.searchsorted(slots, wanted, sorter=order), len(slots) - 1)
            found: Int64 = np.where(slots[order[at]] == wanted, order[at], -1)
            return found
        place = np.full(room, -1, np.int32)
        place[slots[::-1]] = np.arange(len(slots) - 1, -1, -1)
        found = place[np.minimum(wanted, room - 1)].astype(np.int64)
        found[wanted >= room] = -1
        return found

    def _pair_by_name(self, begins: Int64, ends: Int64, end_of: Int64) -> int:
        """Gives ends that name no begin the innermost open one of their name and place; returns how many have none."""
        open_begins = np.flatnonzero(end_of < 0)
        what = np.concatenate((begins[open_begins], ends))
        place = np.concatenate((open_begins, np.full(len(ends), -1, np.int64)))
        order = np.argsort(what, kind="stable")
        keys = zip(*(column[what[order]].tolist() for column in (self.log, self.task, self.name)))
        stacks: dict[tuple[int, ...], list[int]] = {}
        orphans = 0
        for record, begin, (log, task, name) in zip(what[order].tolist(), place[order].tolist(), keys):
            # A task's span is looked for in its task, on whatever thread.
            key = (task, name) if task >= 0 else (-1, log, name)
            if begin >= 0:
                stacks.setdefault(key, []).append(begin)
            elif stacks.get(key):
                end_of[stacks[key].pop()] = record
            else:
                orphans += 1
        return orphans


class _Part(NamedTuple):
    """The columns of one thread, but for `task`; the last two are empty where nothing is known of either."""

    time: Int64
    kind: Int8
    name: Int32
    begin: NDArray[np.uint32]
    slot: Int64
    log: Int32
    step: Int32
    carried: Int8


def _nothing() -> _Part:
    wide, some, few = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8)
    return _Part(wide, few, some, np.empty(0, np.uint32), wide, some, some, few)


def collect(image: Image, step_tasks: Int64) -> SpanRecords:
    """Takes the records of spans out of an image's logs: of millions there is no room for two copies.

    Args:
        image: its threads have been walked.
        step_tasks: the task of each step.
    """
    is_outside = not len(step_tasks) and not image.late and not any(log.carried for log in image.logs)
    columns = [list(column) for column in zip(_nothing(), *(_taken(log, is_outside) for log in image.logs))]
    whole = []
    while columns:
        whole.append(np.concatenate(columns.pop(0)))
    time, kind, name, begin, slot, owner, step, carried = whole
    if is_outside:
        step, task = _alike(-1, len(time), np.int32), _alike(-1, len(time), np.int32)
        carried = _alike(0, len(time), np.uint8)
    else:
        tasks = np.append(step_tasks, -1).astype(np.int32)
        task = tasks[step]  # the last one is that of no step
    return SpanRecords(
        time,
        kind,
        image.same_names(name).astype(np.int32, copy=False),
        begin,
        slot,
        owner,
        step,
        carried,
        task,
        is_outside,
    )


def _taken(log: Log, is_outside: bool) -> _Part:
    which = np.flatnonzero(of_kinds(log.kind, KINDS))
    step, carried = np.empty(0, np.int32), np.empty(0, np.uint8)
    if not is_outside:
        step, carried = log.steps_at(which).astype(np.int32), _carried(log)[which]
    own: Int64 | slice = which
    if len(which) and which[-1] - which[0] + 1 == len(which):  # nothing else in between: no copies
        own = slice(int(which[0]), int(which[-1]) + 1)
    owner = np.full(len(which), log.index, np.int32)
    part = _Part(log.time[own], log.kind[own], log.a[own], log.b[own], log.slot[own], owner, step, carried)
    log.forget(KINDS)
    return part


def _alike(value: int, count: int, kind: type) -> NDArray[Any]:
    """A column that takes no memory; it cannot be written to."""
    return np.broadcast_to(np.array(value, kind), count)


def _carried(log: Log) -> Int8:
    """For each record of a thread 0, or 1 where a flight recorder carried it, or 2 where it did so inside a loop."""
    carried = np.zeros(len(log.kind), np.uint8)
    carried[: log.carried] = 1
    loops = np.flatnonzero(log.kind[: log.carried] == events.LOOP_BEGIN)
    if len(loops):
        carried[loops[0] : log.carried] = 2
    return carried
