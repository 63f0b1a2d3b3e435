"""Which span is the innermost: both cores give the same answer, wherever spans begin and end. Knows no log."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.record import open_spans
from tracekit.spool.core import core

CORES = [open_spans] if core.fast is None else [open_spans, core.fast]


@pytest.fixture(params=CORES, ids=["py", "c"][: len(CORES)])
def spans(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of the two, with nothing open."""
    request.param.follow()
    request.param.forget()
    yield request.param
    request.param.forget()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
def test_any_order(steps: list[tuple[bool, int]]) -> None:
    """Whatever begins and ends in whatever order, the innermost is what began last of all that is open."""
    for spans in CORES:
        spans.follow()
        spans.forget()
        expected: list[int] = []
        for begins, slot in steps:
            if begins:
                spans.begun(slot, f"span {slot}")
                expected.append(slot)
            else:
                spans.ended(slot)
                if slot in expected:
                    del expected[-1 - expected[::-1].index(slot)]
            assert spans.innermost() == (f"span {expected[-1]}" if expected else None)
        spans.forget()
        assert spans.innermost() is None


def test_each_task_and_thread_has_its_own(spans: Any) -> None:
    """Tasks that take turns on a thread, the thread around them, and another thread don't see each other's spans."""
    seen: list[str | None] = []

    async def work(slot: int) -> None:
        seen.append(spans.innermost())
        spans.begun(slot, f"task {slot}")
        for _ in range(2):
            await asyncio.sleep(0)
            seen.append(spans.innermost())
        spans.ended(slot)

    async def main() -> None:
        await asyncio.gather(work(1), work(2))

    spans.begun(9, "outer")
    asyncio.run(main())
    thread = threading.Thread(target=lambda: seen.append(spans.innermost()))
    thread.start()
    thread.join()

    assert seen == [None, None, "task 1", "task 2", "task 1", "task 2", None]
    assert spans.innermost() == "outer"


def test_a_span_may_end_elsewhere(spans: Any) -> None:
    """One that ends on another thread is open nowhere any more."""
    spans.begun(1, "moved")
    thread = threading.Thread(target=spans.ended, args=(1,))
    thread.start()
    thread.join()

    assert spans.innermost() is None


def test_what_never_ends_does_not_fill_the_memory(spans: Any) -> None:
    """After very many places with a span that nobody left, those are forgotten, and it goes on working."""

    async def leave(slot: int) -> None:
        spans.begun(slot, "left")

    async def main() -> None:
        for _ in range(70):
            await asyncio.gather(*map(leave, range(1000)))

    asyncio.run(main())
    gc.collect()
    spans.begun(1, "new")
    assert spans.innermost() == "new"


def test_what_is_never_left_at_one_place_is_bounded(spans: Any) -> None:
    """The innermost one is known however many were begun at a place and not ended; of very many the outer ones are forgotten."""
    for slot in range(1, 5000):
        spans.begun(slot, f"span {slot}")
    assert spans.innermost() == "span 4999"
    spans.ended(4999)
    spans.ended(4)
    assert spans.innermost() == "span 4998"


@contextlib.contextmanager
def _open(spans: Any) -> Iterator[None]:
    spans.begun(1, "failing")
    try:
        yield
    finally:
        spans.ended(1)


def test_an_exception_that_is_on_its_way_stays(spans: Any) -> None:
    """A span that ends by an exception leaves that as it is."""
    with pytest.raises(KeyError, match="mine"), _open(spans):
        raise KeyError("mine")
    assert spans.innermost() is None
