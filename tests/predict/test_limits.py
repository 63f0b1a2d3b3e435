"""What is said of limits that a program sets itself, from tasks laid out by hand. Knows no recording."""

from __future__ import annotations

import pytest
from laid_out_tasks import Row, asked, looped

from tracekit.predict.advice import advise


@pytest.mark.parametrize(
    ("what", "words"),
    [("semaphore", "a semaphore"), ("queue.put", "the workers of a queue"), ("lock", "a lock")],
)
def test_a_limit_of_its_own(what: str, words: str) -> None:
    """Tasks that mostly wait for what the program itself limits are not called fine: for what, and how long, is said."""
    stands = [Row("stand", [(900.0, what, "released"), (50.0, "Connection.query", "I/O")]) for _ in range(3)]
    goes = [Row("go", asked(19, "Connection.query", "I/O")) for _ in range(2)]
    counsel = advise(looped(*stands, *goes))

    assert (counsel.advice, counsel.fine) == ((), ())
    assert any(f"wait for {words} do so for 95% of their time" in sentence for sentence in counsel.unknown)


def test_a_limit_that_is_seldom_reached() -> None:
    """Tasks that wait for a semaphore for a small part of their time are fine."""
    counsel = advise(looped(*[Row("go", [(100.0, "semaphore", ""), *asked(18, "Connection.query", "I/O")])] * 3))

    assert (counsel.advice, counsel.unknown) == ((), ())


def test_a_limit_beside_computing() -> None:
    """Where cores compute for most of the time a limit is not what takes it."""
    stands = [Row("stand", [(900.0, "semaphore", "released"), (50.0, "Connection.query", "I/O")]) for _ in range(3)]

    assert advise(looped(*stands, others="running")).unknown == ()
