"""Subjects of two traces made comparable, from subjects written by hand. Knows no trace."""

from __future__ import annotations

import pytest

from tracekit.analyze.alike import alike
from tracekit.analyze.place import Place
from tracekit.analyze.subjects import THREADS, UNIT, WAIT, Number, Subject


def unit(name: str, form: str = "thread", coroutine: str = "", **numbers: int) -> Subject:
    return Subject(
        UNIT, name, form, Place(coroutine), name, numbers={key: Number(value) for key, value in numbers.items()}
    )


def values(row: Subject) -> dict[str, int]:
    return {name: number.value for name, number in row.numbers.items()}


def test_names_that_differ_by_a_number() -> None:
    """One thread on one side and four with a number on the other are one subject: how many there are, how long each took."""
    four = [unit(f"consumer-{number}", times=1, took=100 + number) for number in range(4)]

    (old,), (new,) = alike([unit("consumer", times=1, took=400)], four)

    assert (old.key, values(old)) == (new.key, {"times": 1, "took": 400})
    assert values(new) == {"times": 4, "took": 102}


@pytest.mark.parametrize("name", ["w{}", "w-{}", "w_{}", "w {}", "w #{}"])
def test_how_numbers_are_written(name: str) -> None:
    """The number may follow on the name, or on a sign."""
    (row,), _ = alike([unit(name.format(number), times=1, took=5) for number in (9, 10)], [])

    assert (row.name, row.what) == ("w", "w")


def test_numbers_together() -> None:
    """What took longer counts for as many as there were; the longest step is that of all."""
    rows = [
        unit("worker 1", "task", times=3, took=10, ran=30, longest=7),
        unit("worker 2", "task", times=1, took=50, ran=10),
    ]

    (row,), _ = alike(rows, [])

    assert values(row) == {"times": 4, "took": 20, "ran": 10, "longest": 7}


def test_many_that_differ_scatter() -> None:
    """The mean of many threads that took differently long is not sure."""
    rows = [unit(f"worker-{number}", times=1, took=1000 * (number % 2)) for number in range(16)]

    (row,), _ = alike(rows, [])

    assert row.numbers["took"] == Number(500, 250)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (unit("load-1", "span", times=1), unit("load-2", "span", times=1)),
        (unit("step_1", "job", times=1), unit("step_2", "job", times=1)),
        (unit("page 1", "task", "fetch", times=1), unit("page 2", "task", "parse", times=1)),
        (unit("crunch-1", "task", times=1), unit("crunch-2", times=1)),
        (unit("page2pdf", times=1), unit("page3pdf", times=1)),
        (unit("1", times=1), unit("2", times=1)),
    ],
)
def test_what_stays_apart(first: Subject, second: Subject) -> None:
    """Spans and functions by their own names, other coroutines, other forms, and what is no name without the digit."""
    old, new = alike([first, second], [])

    assert (sorted(row.name for row in old), new) == (sorted([first.name, second.name]), [])


def test_one_number_keeps_its_name() -> None:
    """A name with a number that no other is like stays as it is."""
    (old,), (new,) = alike([unit("worker-1", times=1)], [unit("worker-1", times=1)])

    assert old.name == new.name == "worker-1"


def test_means() -> None:
    """Of a unit every sum is the mean of one, with its chance; a job's time on its worker is how long it took."""
    many = Subject(
        UNIT, "handler", "task", numbers={"times": Number(20), "ready": Number(2000, 400), "took": Number(70, 5)}
    )

    (row, job), _ = alike([many, unit("crunch", "job", times=4, took=25, ran=100, queued=40)], [])

    assert row.numbers == {"times": Number(20), "ready": Number(100, 20), "took": Number(70, 5)}
    assert values(job) == {"times": 4, "took": 25, "queued": 10}


def test_sums_of_all() -> None:
    """What threads of one name did, and what was waited for, stay sums; also those of threads with and without a number."""
    wait = Subject(WAIT, "sleep", "task", numbers={"total": Number(900), "times": Number(3)})
    did = [
        Subject(THREADS, name, numbers={"sleep": Number(100), "times": Number(2)}) for name in ("worker", "worker-*")
    ]

    (first, second), _ = alike([wait, *did], [])

    assert first == wait
    assert (second.name, values(second)) == ("worker", {"sleep": 200, "times": 4})
