"""A failure in one line. Knows no model."""

from __future__ import annotations

import json

import pytest

from tracekit.compare.failure import Told, told


def _raised(work: object) -> BaseException:
    with pytest.raises(BaseException) as caught:
        work()  # type: ignore[operator]
    return caught.value


def _fails_within_the_library() -> None:
    json.loads("no JSON")


def _says_nothing() -> None:
    raise KeyboardInterrupt


def _says_much() -> None:
    raise ValueError("what\n it is " + "and more " * 99 + "what it comes down to")


def test_the_place_is_in_the_workload() -> None:
    """The line that counts is the last one of the user's own, not one of the standard library's."""
    line = _fails_within_the_library.__code__.co_firstlineno + 1
    says = told(_raised(_fails_within_the_library))

    assert says == f"JSONDecodeError: Expecting value: line 1 column 1 (char 0) (test_failure.py, line {line})"


def test_one_that_says_nothing_has_its_name() -> None:
    """The class and the place are there in any case."""
    assert told(_raised(_says_nothing)).startswith("KeyboardInterrupt (test_failure.py, line ")


def test_one_that_says_much_is_cut_in_its_middle() -> None:
    """It stays one line that can be read, with its beginning and its end."""
    says = told(_raised(_says_much))

    assert says.startswith("ValueError: what it is and more ")
    assert " ... " in says
    assert "what it comes down to (test_failure.py, line " in says
    assert len(says) < 320


def test_what_was_told_is_not_told_again() -> None:
    """What comes from elsewhere as a line stays that line."""
    assert told(Told("ValueError: bad (jobs.py, line 3)")) == "ValueError: bad (jobs.py, line 3)"
