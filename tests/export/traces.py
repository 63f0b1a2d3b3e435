"""Traces for tests: small random ones, in which everything that can collide does. Knows the Builder, and no format."""

from __future__ import annotations

from typing import Any

from hand_made_states import lay_states
from hypothesis import strategies as st

from tracekit.model.builder import Builder
from tracekit.model.trace import (
    STATE_FIELDS,
    Args,
    Category,
    FlowKind,
    SampleSource,
    SampleState,
    Trace,
    TrackKind,
)

# Few and short, so that slices share their borders.
_TIMES = st.integers(0, 12)
_NAMES = st.one_of(
    st.sampled_from(["a", "b", "", 'say "hi"', "C:\\dir\\", "two\nlines", "é 日本 😀"]), st.text(max_size=6)
)
_NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([2**31 - 1, 2**31, 139912345678912, 4711]))
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=6))
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=5
)
_ON_THREAD = [Category.SPAN, Category.PART, Category.JOB, Category.GC, Category.STEP, Category.SELECT, Category.WAIT]
_ON_TASK = [Category.SPAN, Category.READY, Category.RUNNING, Category.AWAITING]


def _args(draw: Any) -> Args | None:
    return draw(st.none() | st.dictionaries(_NAMES, _VALUES, max_size=2))


@st.composite
def traces(draw: Any) -> Trace:
    """Any trace that the Builder can make of a few processes, threads, tasks and all that lies on them."""
    builder = Builder(draw(_NAMES), draw(st.sampled_from([0, 1_700_000_000_123_456_789])))
    for number in range(draw(st.integers(1, 3))):
        untraced, status = draw(st.sampled_from(["", "", "python -I"])), draw(st.none() | st.integers(-64, 255))
        starting, weight = draw(st.none() | _TIMES), draw(st.sampled_from([0, 4096]))
        builder.process(
            draw(_NUMBERS),
            draw(_NAMES),
            untraced=untraced,
            status=status,
            starting=starting,
            peak_rss=weight,
            pss=weight,
        )
        for _ in range(draw(st.integers(0, 2))):
            thread = builder.thread(number, draw(_NUMBERS), draw(_NAMES), main=draw(st.booleans()))
            builder.slice(builder.track(TrackKind.THREAD, thread), 0, 12, "life", Category.THREAD)
            if draw(st.booleans()):
                parts = draw(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(list(STATE_FIELDS))), max_size=4))
                lay_states(builder, thread, *((ns / 1e6, name) for ns, name in parts), switches=draw(st.integers(0, 9)))
        for _ in range(draw(st.integers(0, 2))):
            task = builder.task(number, None, draw(_NAMES), coroutine=draw(_NAMES), error=draw(_NAMES))
            builder.slice(builder.track(TrackKind.TASK, task), 1, 11, "task", Category.TASK, task=task)
    _fill(draw, builder)
    _sample(draw, builder)
    for _ in range(draw(st.integers(0, 2))):
        builder.note(draw(_NAMES))
    return builder.build(draw(st.none() | st.integers(0, 255)))


def _fill(draw: Any, builder: Builder) -> None:
    threads = [builder.track(TrackKind.THREAD, owner) for owner in range(len(builder.threads))]
    lanes = [builder.track(TrackKind.LANE, owner) for owner in range(len(builder.threads)) if draw(st.booleans())]
    tasks = [builder.track(TrackKind.TASK, owner) for owner in range(len(builder.tasks))]
    tracks = [*threads, *lanes, *tasks]
    for _ in range(draw(st.integers(0, 3))):
        value = draw(st.floats())
        builder.counter(
            draw(st.integers(0, len(builder.processes) - 1)), draw(_TIMES), draw(_NAMES), draw(_NAMES), value
        )
    if not tracks:
        return
    handles = list(range(len(threads) + len(tasks)))
    for _ in range(draw(st.integers(0, 12))):
        track, start, end = draw(st.sampled_from(tracks)), draw(_TIMES), draw(_TIMES)
        category = draw(st.sampled_from(_ON_THREAD if track in threads else _ON_TASK))
        task = draw(st.integers(-1, len(builder.tasks) - 1))
        flags = draw(st.integers(0, 15))
        handles.append(builder.slice(track, start, end, draw(_NAMES), category, flags, task, _args(draw)))
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(list(FlowKind)))
        builder.flow(kind, draw(st.sampled_from(tracks)), draw(_TIMES), draw(st.sampled_from(handles)))
    for _ in range(draw(st.integers(0, 3))):
        builder.instant(draw(st.sampled_from(tracks)), draw(_TIMES), draw(_NAMES), _args(draw))


def _sample(draw: Any, builder: Builder) -> None:
    """Adds stacks that were sampled, of a small tree of frames."""
    if not builder.threads:
        return
    frames = [-1]
    for _ in range(draw(st.integers(0, 4))):
        frames.append(builder.frame(draw(st.sampled_from(frames)), draw(_NAMES), draw(_NAMES), draw(st.integers(0, 3))))
    for _ in range(draw(st.integers(0, 4))):
        state, source = draw(st.sampled_from(list(SampleState))), draw(st.sampled_from(list(SampleSource)))
        thread = draw(st.integers(0, len(builder.threads) - 1))
        builder.sample(thread, draw(_TIMES), draw(st.sampled_from(frames)), state, source)
