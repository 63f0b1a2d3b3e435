"""Settle: which records of a block have to be looked at when the block is let go of. Knows of events only events.py's table.

The reference; `tracekit._fast` has its twin in C. Most of what begins in a block ends in it, and leaves no trace in what is
open afterwards: such pairs are settled here, and what is left is few.
"""

from __future__ import annotations

from tracekit import events
from tracekit.spool import layout

_NOTES = (events.SPAN_ARGS, events.SPAN_SUSPEND, events.SPAN_RESUME)
_PAIRS = {
    events.STEP_END: events.STEP_BEGIN,
    events.CALLBACK_END: events.CALLBACK_BEGIN,
    events.GC_END: events.GC_BEGIN,
    events.LOCK_WAIT_END: events.LOCK_WAIT,
}
_OPENING = tuple(_PAIRS.values())
_BARRIERS = (
    *(begin for begin in events.ON_THREAD if begin not in _OPENING),
    *(event.kind for event in events.TABLE if event.ends in events.ON_THREAD and event.kind not in _PAIRS),
)
_AT_STEP = (events.STEP_BEGIN, events.TASK_READY, events.TASK_DONE)


def settle(block: memoryview, base: int, wanted: bytes) -> list[int]:
    """The places of the records that are left, in order.

    Args:
        block: the words of a block, head and all.
        base: slot number of its first word.
        wanted: for each kind 1 if such a record matters at all.
    """
    head = layout.BLOCK_HEAD_SLOTS
    marks = enumerate(block[2 * head + 1 :: 2].tolist(), head)
    left = {at: word for at, word in marks if wanted[word & 0xFF]}
    settled: set[int] = set()
    opened: list[int] = []  # what runs on the thread, innermost last
    steps: dict[int, int] = {}  # begin -> end
    for at, word in left.items():
        kind = word & 0xFF
        if kind == events.SPAN_END:
            begin = (word >> 32) - base & layout.SLOT_MASK
            if begin < at and left.get(begin, 0) & 0xFF == events.SPAN_BEGIN and begin not in settled:
                settled |= {begin, at}
        elif kind in _OPENING:
            opened.append(at)
        elif kind in _PAIRS:
            if opened and left[opened[-1]] & 0xFF == _PAIRS[kind]:
                begin = opened.pop()
                if kind == events.STEP_END:
                    steps[begin] = at
                else:
                    settled |= {begin, at}
            else:  # something was cut off here
                opened.clear()
        elif kind in _BARRIERS:
            opened.clear()
    settled |= _settle_steps(left, steps)
    for at, word in left.items():
        if word & 0xFF in _NOTES and (word >> 32) - base & layout.SLOT_MASK in settled:
            settled.add(at)
    return [at for at in left if at not in settled]


def _settle_steps(left: dict[int, int], steps: dict[int, int]) -> set[int]:
    """Of the whole steps of a task the last one counts, and of what made it ready what came after that."""
    settled: set[int] = set()
    stepped: set[int] = set()
    readied: set[int] = set()
    for at in reversed(left):
        kind = left[at] & 0xFF
        if kind not in _AT_STEP:
            continue
        task = left[at] >> 32
        if kind == events.TASK_READY:
            if task in stepped or task in readied:
                settled.add(at)
            readied.add(task)
        elif kind == events.STEP_BEGIN and task in stepped and at in steps:
            settled |= {at, steps[at]}
        else:
            stepped.add(task)
    return settled
