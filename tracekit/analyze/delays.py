"""Delays: which tasks a block held up, and by how much, as far as the trace can know it. Knows nothing of sentences.

Two kinds are told apart, because a trace that guesses lies:

A task that was *ready* during the block waited for it, and its wait is known to the nanosecond: the overlap of the two. That
holds for one that slept as well, and for one that waited for another thread: it is ready from when its timer was due, or from
when that thread handed its result over, which the recording tells.

A task that waited for a socket becomes ready only when the loop looks again, right after the block. That it was due by then
is plain; since when is not recorded: it was held up, `by` is None. Such tasks are those that the loop's own delivering
callbacks (DELIVERIES) woke after the block, before the loop rested and before anything that was itself woken after the block
had run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit.analyze.blocks import Block, turns
from tracekit.model.trace import Args, Category, FlowKind, Int64, Trace, Undrawn

# Less than this, and nobody noticed; a block's own last words (a task created, an event set) are not its victims.
LEAST_NS = 1_000_000

# The loop polls without resting when something is due, but coming back from the poll it may wait for the GIL, whose
# holder gives it up after a switch interval (5 ms).
REST_NS = 5_000_000

# The last part of the names of the callbacks by which asyncio hands over what fell due outside of the loop.
DELIVERIES = frozenset(
    {
        "_set_result_unless_cancelled",  # asyncio.sleep
        "_on_timeout",  # asyncio.timeout
        "_release_waiter",  # wait_for, before 3.12
        "_set_state",  # a thread's or a process's result: run_in_executor, wrap_future
        "_read_ready",  # sockets and pipes
        "_write_ready",
        "_sock_recv",
        "_sock_recv_into",
        "_sock_recvfrom",
        "_sock_sendall",
        "_sock_sendto",
        "_sock_connect_cb",
        "_sock_accept",
    }
)
_BY_THREADS = ("executor job", "another thread")


@dataclass(frozen=True, slots=True)
class Delay:
    """A task that was held up; `by` in ns, or None where its due time was not recorded."""

    task: int
    by: int | None


class Delays:
    """Looks up who waited behind a block; made once a trace, asked once a block."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        slices, flows = trace.slices, trace.flows
        self._thread_of_task = np.array(
            [-1 if task.loop is None else trace.loops[task.loop].thread for task in trace.tasks], dtype=np.int64
        )
        ready = np.flatnonzero((slices.category == Category.READY) & (slices.task >= 0))
        undrawn = trace.undrawn
        self._ready_task = np.concatenate((slices.task[ready], undrawn.task))
        self._ready_start = np.concatenate((slices.start[ready], undrawn.start))
        self._ready_end = np.concatenate((slices.end[ready], undrawn.end))
        self._timed = self._timed_waits(ready)
        self._ready_thread = self._thread_of_task[self._ready_task] if len(self._ready_task) else ready
        wakes = np.flatnonzero(flows.kind == FlowKind.WAKE)
        self._wake_track, self._wake_time = flows.track[wakes], flows.time[wakes]
        self._wake_target = flows.target[wakes]
        self._steps_woken = slices.category[self._wake_target] == Category.STEP
        self._woken = self._woken_undrawn()
        self._turns = turns(trace)
        self._turn_track = slices.track[self._turns]

    def behind(self, block: Block) -> list[Delay]:
        """The tasks that `block` held up: the longest first, those of unknown length last."""
        waited = self._ready_meanwhile(block)
        due = self._due_meanwhile(block) - waited.keys() - {block.task}
        known = [(by, task) for task, by in waited.items() if by >= LEAST_NS and task != block.task]
        known.sort(key=lambda entry: (-entry[0], entry[1]))
        return [Delay(task, by) for by, task in known] + [Delay(task, None) for task in sorted(due)]

    def _woken_undrawn(self) -> Undrawn:
        """The times in which tasks were ready that are not drawn, but for those after their creation: no arrow tells of them."""
        undrawn = self._trace.undrawn
        created = np.array([self._trace.tasks[task].created for task in undrawn.task.tolist()], np.int64)
        woken = undrawn.start != created
        return Undrawn(undrawn.task[woken], undrawn.start[woken], undrawn.end[woken])

    def _timed_waits(self, ready: Int64) -> set[tuple[int, int]]:
        """Tasks, and when they ran, whose waits began when a timer was due or another thread handed something over."""
        slices, args = self._trace.slices, self._trace.args
        timed = [at for at, row in enumerate(args) if _is_timed(row)]
        which = ready[np.isin(slices.args[ready], timed)]
        return set(zip(slices.task[which].tolist(), slices.end[which].tolist()))

    def _ready_meanwhile(self, block: Block) -> dict[int, int]:
        hit = (
            (self._ready_thread == block.thread) & (self._ready_start < block.end) & (self._ready_end > block.start)
        ).nonzero()[0]
        overlap = np.minimum(self._ready_end[hit], block.end) - np.maximum(self._ready_start[hit], block.start)
        waited: dict[int, int] = {}
        for task, by in zip(self._ready_task[hit].tolist(), overlap.tolist()):
            waited[task] = waited.get(task, 0) + by
        return waited

    def _due_meanwhile(self, block: Block) -> set[int]:
        """Tasks that the loop found to be due when it looked again, which was right after the block; since when is unknown."""
        slices = self._trace.slices
        # A block's own slice is among the turns before `first`; sorted by start, the ones after it follow.
        first, last = self._turns_after(block)
        rows = self._turns[first:last]
        if not len(rows):
            return set()
        until = min(self._rest_after(block, rows), self._first_woken_since(block))
        deliveries = [row for row in rows[slices.start[rows] <= until].tolist() if self._delivers(row)]
        woken = {
            task
            for row in deliveries
            for task in self._woken_within(block, int(slices.start[row]), int(slices.end[row]))
        }
        return {task for task in woken if task >= 0 and self._trace.tasks[task].created <= block.start}

    def _turns_after(self, block: Block) -> tuple[int, int]:
        low, high = np.searchsorted(self._turn_track, [block.track, block.track + 1])
        starts = self._trace.slices.start[self._turns[low:high]]
        return int(low + np.searchsorted(starts, block.end)), int(high)

    def _rest_after(self, block: Block, rows: Int64) -> int:
        """When the loop had nothing to do for the first time after the block."""
        start, end = self._trace.slices.start[rows], self._trace.slices.end[rows]
        reached = np.maximum.accumulate(np.concatenate(([block.end], end)))
        rests = np.flatnonzero(start - reached[:-1] > REST_NS)
        return int(reached[rests[0]] if len(rests) else reached[-1])

    def _first_woken_since(self, block: Block) -> int:
        """When the first step ran that was woken after the block: from then on, what is delivered may be newly due."""
        slices = self._trace.slices
        since = self._wake_target[self._steps_woken & (self._wake_time >= block.end)]
        steps = since[slices.track[since] == block.track]
        first = int(slices.start[steps].min()) if len(steps) else self._trace.duration
        woken = self._woken
        undrawn = woken.end[(woken.start >= block.end) & (self._thread_of_task[woken.task] == block.thread)]
        return int(undrawn.min(initial=first))

    def _delivers(self, row: int) -> bool:
        slices = self._trace.slices
        if slices.category[row] != Category.CALLBACK:
            return False
        return self._trace.strings[slices.name[row]].rpartition(".")[2] in DELIVERIES

    def _woken_within(self, block: Block, start: int, end: int) -> list[int]:
        """The tasks that were woken at some time by what ran there on the thread of a block, but the timed ones."""
        slices, woken = self._trace.slices, self._woken
        hit = (self._wake_track == block.track) & (self._wake_time >= start) & (self._wake_time <= end)
        targets = self._wake_target[hit]
        steps = zip(slices.task[targets].tolist(), slices.start[targets].tolist())
        drawn = [task for task, begun in steps if (task, begun) not in self._timed]  # since when is known of those
        # The timed ones were ready before that was said.
        hit = (woken.start >= start) & (woken.start <= end) & (self._thread_of_task[woken.task] == block.thread)
        undrawn: list[int] = woken.task[hit].tolist()
        return drawn + undrawn


def _is_timed(args: Args) -> bool:
    """Whether a cause says since when what was awaited was there."""
    kind = args.get("kind")
    return kind == "timer" or (kind in _BY_THREADS and str(args.get("cause")).startswith("thread "))
