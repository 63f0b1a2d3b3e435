"""Settle: what is left of a block, by hand and against each other core. Knows no carrying."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.core import core
from tracekit.spool.settle import settle

BASE = 7 * layout.BLOCK_SLOTS
ALL = bytes(0 < kind < events.FIRST_DETAIL for kind in range(256))
FIRST = layout.BLOCK_HEAD_SLOTS


def block(*records: tuple[int, int]) -> memoryview:
    """A block of records that are given by kind and field b."""
    words = memoryview(bytearray(layout.BLOCK_BYTES)).cast("Q")
    for at, (kind, b) in enumerate(records, FIRST):
        words[2 * at] = at
        words[2 * at + 1] = layout.pack_word(kind, 1, b)
    return words


def slot(place: int) -> int:
    """The slot number of the record at a place, counted from the first record."""
    return BASE + FIRST + place


def left(made_by: Any, *records: tuple[int, int], wanted: bytes = ALL) -> list[int]:
    """The places of what is left, counted from the first record."""
    return [at - FIRST for at in made_by.settle(block(*records), BASE, wanted)]


def test_spans(made_by: Any) -> None:
    """A span that begins and ends here is settled with what was said of it; others are left."""
    records = (
        (events.SPAN_BEGIN, 0),
        (events.SPAN_BEGIN, 0),
        (events.SPAN_ARGS, slot(1)),
        (events.SPAN_END, slot(1)),
        (events.SPAN_ARGS, slot(0)),
        (events.SPAN_END, 5),
    )

    assert left(made_by, *records) == [0, 4, 5]


def test_two_ends(made_by: Any) -> None:
    """Of two ends of one span, which damage makes, the second is left."""
    records = ((events.SPAN_BEGIN, 0), (events.SPAN_END, slot(0)), (events.SPAN_END, slot(0)))

    assert left(made_by, *records) == [2]


def test_steps(made_by: Any) -> None:
    """Of a task's whole steps the last is left, and of what made it ready what came after it, once."""
    records = (
        (events.TASK_READY, 1),
        (events.STEP_BEGIN, 1),
        (events.STEP_END, 1),
        (events.TASK_READY, 1),
        (events.STEP_BEGIN, 1),
        (events.STEP_END, 1),
        (events.TASK_READY, 1),
        (events.TASK_READY, 1),
    )

    assert left(made_by, *records) == [4, 5, 7]


def test_what_is_cut_off(made_by: Any) -> None:
    """An end that is not that of the innermost settles nothing of what is open; nor does a job in between."""
    cut = ((events.CALLBACK_BEGIN, 0), (events.GC_BEGIN, 0), (events.CALLBACK_END, 0))
    job = ((events.CALLBACK_BEGIN, 0), (events.JOB_BEGIN, 1), (events.CALLBACK_END, 0))
    whole = ((events.CALLBACK_BEGIN, 0), (events.GC_BEGIN, 0), (events.GC_END, 0), (events.CALLBACK_END, 0))

    assert left(made_by, *cut) == [0, 1, 2]
    assert left(made_by, *job) == [0, 1, 2]
    assert left(made_by, *whole) == []


def test_what_is_not_wanted(made_by: Any) -> None:
    """What does not matter is not left, and pairs with nothing."""
    without = bytes(wanted and kind != events.SPAN_BEGIN for kind, wanted in enumerate(ALL))

    assert left(made_by, (events.SPAN_BEGIN, 0), (events.SPAN_END, slot(0)), wanted=without) == [1]


kinds = st.sampled_from([row.kind for row in events.TABLE] + [0, events.ARG_INT, 199])
near = st.integers(0, 30).map(slot) | st.integers(0, 4) | st.integers(0, layout.B_MAX)


@pytest.mark.skipif(core.fast is None, reason="the other core is not there to be compared with")
@settings(deadline=None, max_examples=300)
@given(
    records=st.lists(st.tuples(kinds, near), max_size=60), wanted=st.just(ALL) | st.binary(min_size=256, max_size=256)
)
def test_cores_agree(records: list[tuple[int, int]], wanted: bytes) -> None:
    """Both cores leave the same of any block, whole or cut."""
    words = block(*records)
    cut = words[: 2 * (FIRST + len(records))]

    assert core.fast.settle(words, BASE, wanted) == settle(words, BASE, wanted)
    assert core.fast.settle(cut, BASE, wanted) == settle(cut, BASE, wanted)
