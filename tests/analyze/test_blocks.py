"""Which turns of a loop count as blocks, and for how long. Knows neither culprits nor victims."""

from __future__ import annotations

from tracekit.analyze.blocks import blocks
from tracekit.model.trace import Category

MS = 1_000_000


def test_only_turns_of_a_loop(hand_made) -> None:
    """Spans, jobs and collections are no blocks, however long; nor is the life of a thread or a loop."""
    builder, track = hand_made.builder, hand_made.track
    for number, category in enumerate((Category.SPAN, Category.PART, Category.JOB, Category.GC)):
        builder.slice(track, number * 1000 * MS, (number * 1000 + 900) * MS, category.name, category)
    assert blocks(hand_made.build(), 50 * MS) == []


def test_inner_steps_answer_for_themselves(hand_made) -> None:
    """A step that only contains a long one (an eager task) is no block itself; the inner one is."""
    hand_made.step("outer", 100, 310)
    hand_made.step("inner", 105, 305)
    trace = hand_made.build()
    (block,) = blocks(trace, 50 * MS)
    assert trace.tasks[block.task].name == "inner"
    assert block.duration == 200 * MS


def test_a_span_inside_is_the_steps_own_time(hand_made) -> None:
    """What a step does inside spans and collections counts as its own."""
    hand_made.step("a", 100, 300)
    hand_made.builder.slice(hand_made.track, 110 * MS, 290 * MS, "load", Category.PART)
    (block,) = blocks(hand_made.build(), 50 * MS)
    assert (block.start, block.end, block.duration) == (100 * MS, 300 * MS, 200 * MS)
