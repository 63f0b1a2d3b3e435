"""SpanRecords: the records of spans in columns, and which end belongs to which begin. Knows no track and no slice.

Nearly all ends say which begin is theirs; a loop takes only the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.trace import Int64

_KINDS = (events.SPAN_BEGIN, events.SPAN_END, events.SPAN_ARGS, events.SPAN_SUSPEND, events.SPAN_RESUME)


@dataclass(slots=True)
class SpanRecords:
    """All records of spans of one image, in columns: thread after thread, each in its order."""

    time: Int64
    kind: Int64
    name: Int64
    begin: Int64  # slot of the begin that it belongs to, or 0
    slot: Int64
    log: Int64
    step: Int64  # number of the step that it was written in, or -1
    carried: Int64  # 1: of a flight recorder, which no longer knows that step; 2: and it was in some loop
    task: Int64

    def pair(self, begins: Int64) -> tuple[Int64, int]:
        """For each begin the record of its end, or -1; and how many ends have no begin.

        Args:
            begins: the records that are begins.
        """
        ends = np.flatnonzero(self.kind == events.SPAN_END)
        found = self.find(begins, ends)
        end_of = np.full(len(begins), -1, np.int64)
        # Of two ends that claim one begin the earlier one has it; assigned from the last to the first.
        claims = np.flatnonzero(found >= 0)
        claims = claims[np.argsort(-self.time[ends[claims]], kind="stable")]
        end_of[found[claims]] = ends[claims]
        unmatched = ends[found < 0]
        nameless = unmatched[self.begin[unmatched] == 0]
        orphans = len(unmatched) - len(nameless)
        if len(nameless):
            orphans += self._pair_by_name(begins, nameless, end_of)
        return end_of, orphans

    def find(self, begins: Int64, which: Int64) -> Int64:
        """For each record its begin (a position in `begins`), by its slot; -1 where there is none."""
        order = np.argsort(self.slot[begins], kind="stable")
        slots = self.slot[begins][order]
        at = np.minimum(np.searchsorted(slots, self.begin[which]), len(slots) - 1)
        return np.where(slots[at] == self.begin[which], order[at], -1)

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


def collect(image: Image, step_tasks: Int64) -> SpanRecords:
    """The records of an image's spans.

    Args:
        image: its threads have been walked.
        step_tasks: the task of each step.
    """
    parts: list[list[Int64]] = [[np.empty(0, np.int64) for _ in range(8)]]
    for log in image.logs:
        which = np.flatnonzero(np.isin(log.kind, _KINDS))
        step = np.full(len(which), -1, np.int64)
        if log.context_at:
            changes = np.searchsorted(np.array(log.context_at), which, side="right") - 1
            known = changes >= 0
            step[known] = np.array(log.context, np.int64)[changes[known]]
        owner = np.full(len(which), log.index, np.int64)
        carried = _carried(log)[which]
        columns = (log.time, log.kind, log.a, log.b, log.slot)
        parts.append([*(column[which].astype(np.int64) for column in columns), owner, step, carried])
    time, kind, name, begin, slot, owner, step, carried = (np.concatenate(column) for column in zip(*parts))
    task = np.where(step >= 0, step_tasks[step], -1) if len(step_tasks) else np.full(len(step), -1, np.int64)
    return SpanRecords(time, kind, image.same_names(name), begin, slot, owner, step, carried, task)


def _carried(log: Log) -> Int64:
    """For each record of a thread 0, or 1 where a flight recorder carried it, or 2 where it did so inside a loop."""
    carried = np.zeros(len(log.kind), np.int64)
    carried[: log.carried] = 1
    loops = np.flatnonzero(log.kind[: log.carried] == events.LOOP_BEGIN)
    if len(loops):
        carried[loops[0] : log.carried] = 2
    return carried
