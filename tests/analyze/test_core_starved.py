"""core-starved: threads that were ready and had no core, and who had them. Knows no recording; times are in ms."""

from __future__ import annotations

import pytest
from hand_made_states import MS, lay_states

from tracekit.analyze import core_starved
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace


def threads(cores: int, count: int, *parts: tuple[float, str], stagger: float = 0) -> Trace:
    """Some threads that all do the same, one a while later than the other."""
    builder = Builder("app.py")
    builder.cores = cores
    process = builder.process(10, "app.py")
    for number in range(count):
        thread = builder.thread(process, 11 + number, f"w{number}")
        lay_states(builder, thread, *parts, start=number * stagger, times=100)
    return builder.build()


def test_too_many_threads() -> None:
    """Where the program's own threads have all cores, that is said, with how many wanted one."""
    (finding,) = core_starved.find(threads(2, 4, (10, "running"), (10, "runnable"), stagger=5), 50 * MS)
    details = finding.details
    assert (finding.severity, details["cause"], details["cores"]) == ("warning", "program", 2)
    assert details["cores_used"] == pytest.approx(2, rel=0.05)
    assert details["cores_wanted"] == pytest.approx(4, rel=0.05)
    assert finding.sentence == (
        "4 threads (w0, w1, w2 and 1 more) were ready to run and had no core for 50% of the time that they ran or could have "
        "run, 4.00 s in all: meanwhile the program itself kept 2 of 2 cores busy, and 4 of its threads wanted one."
    )
    assert finding.advice.startswith("More threads and processes compute than there are cores")


def test_others_have_the_cores() -> None:
    """Where other programs have the cores, no code is to blame."""
    (finding,) = core_starved.find(threads(2, 1, (10, "running"), (20, "runnable")), 50 * MS)
    assert (finding.severity, finding.details["cause"]) == ("info", "others")
    assert "w0 was ready to run and had no core for 67% of the time" in finding.sentence
    assert "the rest went to other programs" in finding.sentence
    assert finding.details["threads"] == [
        {"name": "w0", "pid": 10, "running_s": 1.0, "runnable_s": 2.0, "share": 2 / 3, "longest_ready_s": 0.02}
    ]


def test_both() -> None:
    """Where both took some of the cores, both are told of; without their number it is not said who did."""
    parts = ((10, "running"), (15, "runnable"))
    (finding,) = core_starved.find(threads(2, 4, *parts, stagger=6.25), 50 * MS)
    assert finding.details["cause"] == "both"
    (finding,) = core_starved.find(threads(0, 4, *parts), 50 * MS)
    assert (finding.details["cause"], finding.details["cores"]) == ("unknown", None)


@pytest.mark.parametrize(
    "parts",
    [
        ((10, "running"), (2, "runnable")),
        ((10, "running"), (30, "waiting for the GIL"), (1, "runnable")),
        ((0.1, "running"), (0.02, "runnable"), (10, "polling")),
    ],
)
def test_nothing_to_say(parts: tuple[tuple[float, str], ...]) -> None:
    """What it costs to be woken up is no finding."""
    assert core_starved.find(threads(2, 4, *parts), 50 * MS) == []


def test_several_processes() -> None:
    """Of several processes each main thread goes by its process's name, and another thread says whose it is."""
    builder = Builder("app.py")
    for number, name in enumerate(("first", "second")):
        process = builder.process(10 + number, name)
        thread = builder.thread(process, 10 + number, "MainThread", main=True)
        lay_states(builder, thread, (10, "running"), (20, "runnable"), times=100)
    thread = builder.thread(process, 20, "helper")
    lay_states(builder, thread, (10, "running"), (10, "runnable"), times=100)
    (finding,) = core_starved.find(builder.build(), 50 * MS)
    assert finding.sentence.startswith("3 threads (first, second and helper of second) were ready to run")


def test_what_was_not_at_the_same_time() -> None:
    """Runs that are laid side by side in one trace kept more cores busy than there are: of a machine they tell nothing."""
    assert core_starved.find(threads(2, 8, (10, "running"), (10, "runnable"), stagger=5), 50 * MS) == []
