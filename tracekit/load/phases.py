"""Phases: the time of tasks between their steps, in columns: when each wait began, when it was over, what ended it. Knows
numbers only, neither records nor words.

Between two steps a task first awaits something and then is ready, from the first wake-up after the step's begin on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import distinct
from tracekit.model.trace import Int64

Bools = NDArray[np.bool_]

NOT_SEEN = -1  # no wake-up
CREATED = -2  # its creation


@dataclass(slots=True)
class Lives:
    """The lives of tasks, a row each: when it began, was created and ends, and whether its first wait is for its first step."""

    begin: Int64
    born: Int64
    end: Int64
    done: Bools
    fresh: Bools


@dataclass(slots=True)
class Steps:
    """Steps of tasks, in any order; `log` and `position` are those of the record that began it."""

    task: Int64
    start: Int64
    end: Int64
    log: Int64
    position: Int64


@dataclass(slots=True)
class Wakes:
    """What made tasks ready, in any order; `since` is when they were, which may be before `time`, when that was said."""

    task: Int64
    time: Int64
    since: Int64
    log: Int64
    position: Int64


@dataclass(slots=True)
class Waits:
    """Waits: one before each step, in the order `steps`, and then one at the end of each task's life.

    It awaits something from `start` on, and is ready from `ready` to `end`. `cause` is a wake-up, CREATED or NOT_SEEN;
    `after` is the step before it, or -1. The step that comes next begins at `end` and ends at `stop`.
    """

    steps: Int64
    task: Int64
    start: Int64
    ready: Int64
    end: Int64
    cause: Int64
    after: Int64
    stop: Int64


def find_waits(lives: Lives, steps: Steps, wakes: Wakes) -> Waits:
    """The waits of all tasks."""
    count, tasks = len(steps.task), len(lives.begin)
    order = np.lexsort((steps.position, steps.start, steps.task)).astype(np.int64)
    task, start, end = steps.task[order], steps.start[order], np.maximum(steps.start, steps.end)[order]
    borders = np.searchsorted(task, np.arange(tasks + 1))
    times = distinct(np.concatenate((start, end, wakes.time)))

    # Ranks in place of nanoseconds, so that task and time fit into one number.
    def key(of_task: Int64, of_time: Int64) -> Int64:
        return of_task * len(times) + np.searchsorted(times, of_time)

    slot = _before_which(key(task, start), key(wakes.task, wakes.time), borders, wakes, steps, order)
    cause = _first_causes(slot, wakes, count + tasks)
    has_steps = borders[1:] > borders[:-1]
    first = borders[:-1][has_steps]
    fresh = np.flatnonzero(lives.fresh)
    cause[np.where(has_steps[fresh], borders[fresh], count + fresh)] = CREATED
    reach = times[np.maximum.accumulate(key(task, end)) % len(times)] if count else end
    at = np.concatenate((reach[:1], reach[:-1]))
    at[first] = lives.begin[task[first]]
    after = np.concatenate((np.arange(count) - 1, borders[1:] - 1))
    after[first] = -1
    after[count:][~has_steps] = -1
    tail = lives.begin.copy()
    tail[has_steps] = reach[borders[1:][has_steps] - 1]
    starts = np.concatenate((at, tail))
    ends = np.concatenate((np.maximum(start, at), np.maximum(lives.end, tail)))
    everyone = np.concatenate((task, np.arange(tasks)))
    ready = ends.copy()
    ready[cause == CREATED] = lives.born[everyone[cause == CREATED]]
    ready[cause >= 0] = wakes.since[cause[cause >= 0]]
    ready = np.minimum(np.maximum(ready, starts), ends)
    known = after >= 0
    after[known] = order[after[known]]
    return Waits(order, everyone, starts, ready, ends, cause, after, reach)


def _before_which(
    step_keys: Int64, wake_keys: Int64, borders: Int64, wakes: Wakes, steps: Steps, order: Int64
) -> Int64:
    """For each wake-up the wait that it may end: of the step that begins next, or the last one of its task."""
    count = len(order)
    at = np.searchsorted(step_keys, wake_keys).astype(np.int64)
    stop = borders[wakes.task + 1]
    # Of equal times, the order on the thread tells.
    open_ones = np.flatnonzero(at < stop)
    while len(open_ones):
        step = order[at[open_ones]]
        later = (steps.start[step] == wakes.time[open_ones]) & (steps.log[step] == wakes.log[open_ones])
        later &= steps.position[step] < wakes.position[open_ones]
        open_ones = open_ones[later]
        at[open_ones] += 1
        open_ones = open_ones[at[open_ones] < stop[open_ones]]
    return np.where(at < stop, at, count + wakes.task)


def _first_causes(slot: Int64, wakes: Wakes, count: int) -> Int64:
    """For each wait the first wake-up that may end it, or NOT_SEEN."""
    cause = np.full(count, NOT_SEEN, np.int64)
    # Assigned from the last to the first, so that the first one stays.
    order = np.lexsort((wakes.position, wakes.time, slot))[::-1]
    cause[slot[order]] = order
    return cause


def split(rows: Int64, cuts: list[tuple[Int64, Int64]]) -> Int64:
    """The phases, split at every cut of their task that lies inside of them.

    Args:
        rows: a phase each: task, start, end, and whatever else is kept as it is.
        cuts: pairs of columns, tasks and times.
    """
    cut_task = np.concatenate([task for task, _ in cuts]) if cuts else np.empty(0, np.int64)
    cut_time = np.concatenate([time for _, time in cuts]) if cuts else np.empty(0, np.int64)
    if not len(cut_task) or not len(rows):
        return rows
    times = distinct(np.concatenate((cut_time, rows[:, 1], rows[:, 2])))

    def key(task: Int64, time: Int64) -> Int64:
        return task * len(times) + np.searchsorted(times, time)

    keys = distinct(key(cut_task, cut_time))
    first = np.searchsorted(keys, key(rows[:, 0], rows[:, 1]), side="right")
    last = np.searchsorted(keys, key(rows[:, 0], rows[:, 2]), side="left")
    pieces = np.maximum(last - first, 0) + 1
    parts = np.repeat(rows, pieces, axis=0)
    # The inner boundaries: piece k of a phase ends, and piece k + 1 begins, at its k-th cut.
    ends = np.cumsum(pieces)
    inner = np.ones(len(parts), np.bool_)
    inner[ends - 1] = False
    at = np.flatnonzero(inner)
    within = at - np.repeat(ends - pieces, pieces)[at]
    boundary = times[keys[np.repeat(first, pieces)[at] + within] % len(times)]
    parts[at, 2] = boundary
    parts[at + 1, 1] = boundary
    return parts
