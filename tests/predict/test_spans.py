"""The work that a comparison's spans say: laid out by hand. Knows no recording; times are in ms."""

from __future__ import annotations

from typing import Any

import pytest
from hand_made_states import MS, lay_states

from tracekit.errors import TracekitError
from tracekit.model.builder import Builder
from tracekit.model.trace import UNLOCKED, Category, Trace, TrackKind
from tracekit.predict.parts import Kind, Passing, Piece, Strand
from tracekit.predict.spans import has_steps, work_of_steps


class Run:
    """A run of one thread, with a step after the other."""

    def __init__(self, model: str = "sequential") -> None:
        self.builder = Builder("jobs.py")
        self.builder.cores = 4
        self.process = self.builder.process(10, "jobs.py")
        self.thread = self.builder.thread(self.process, 10, "MainThread", main=True)
        self.track = self.builder.track(TrackKind.THREAD, self.thread)
        self.now = 0.0
        self.states: list[tuple[float, str]] = []
        self.model = model

    def step(self, task: str, kind: str, *states: tuple[float, str], number: int = 0, **args: Any) -> None:
        """A step, and the states of the thread meanwhile."""
        length = sum(ms for ms, _ in states)
        args = {"tracekit_step": number, "tracekit_kind": kind, "tracekit_step_name": f"{kind} it", **args}
        self._span(task, length, args)
        self.states += states
        self.now += length

    def _span(self, name: str, length: float, args: dict[str, Any], track: int | None = None) -> None:
        start, end = round(self.now * MS), round((self.now + length) * MS)
        self.builder.slice(self.track if track is None else track, start, end, name, Category.SPAN, args=args)

    def passed(self, task: str, step: int, size: int, pack: float, unpack: float) -> None:
        """What a step is given would take so long to be pickled."""
        args = {"tracekit_task": task, "tracekit_step": step, "tracekit_bytes": size}
        args |= {"tracekit_pack_ns": round(pack * MS), "tracekit_unpack_ns": round(unpack * MS)}
        self.builder.instant(self.track, round(self.now * MS), "tracekit passed", args)

    def build(self, seen: bool = True) -> Trace:
        """The trace; the whole run is around its steps."""
        args = {"tracekit_model": self.model, "tracekit_workload": "jobs"}
        self.builder.slice(self.track, 0, round(self.now * MS), "tracekit model", Category.SPAN, args=args)
        if seen:
            row = lay_states(self.builder, self.thread, *self.states)
            row.unlocked = max(row.unlocked, 0)
        return self.builder.build()


def pieces(strand: Strand) -> list[tuple[str, float, int]]:
    """What a strand needs: the kind, ms, and the number of the step."""
    return [(piece.kind.name, piece.ns / MS, piece.step) for piece in strand.pieces]


def test_steps_become_strands() -> None:
    """A task is a strand with its steps in order, divided into what was seen; what it waited in line for is left out."""
    run = Run()
    run.step("a", "io", (4, "running"), (50, "polling"), (6, "runnable"), tracekit_awaitable=True)
    run.step("a", "compute", (60, "running"), (20, "runnable"), number=1)
    run.step("b", "sleep", (40, "sleeping"), tracekit_awaitable=True)

    work = work_of_steps(run.build())

    assert (work.traced_model, work.cores, work.wall_ns, work.exact) == ("sequential", 4, 180 * MS, True)
    assert [strand.name for strand in work.strands] == ["a", "b"]
    assert pieces(work.strands[0]) == [("GIL", 2, 0), ("IO", 50, 0), ("GIL", 2, 0), ("GIL", 60, 1)]
    assert pieces(work.strands[1]) == [("TIMER", 40, 0)]
    assert [(step.name, step.kind, step.awaitable) for step in work.strands[0].steps] == [
        ("io it", "io", True),
        ("compute it", "compute", False),
    ]
    assert work.strands[0].group == "io it + compute it"


def test_computing_with_and_without_the_gil() -> None:
    """What ran without the GIL takes turns with what needed it."""
    run = Run()
    run.step("a", "compute", (30, "running"), (30, UNLOCKED))

    strand = work_of_steps(run.build()).strands[0]

    sums = {kind: sum(piece.ns for piece in strand.pieces if piece.kind == kind) / MS for kind in Kind}
    assert sums == {Kind.GIL: pytest.approx(30), Kind.FREE: pytest.approx(30), Kind.IO: 0, Kind.TIMER: 0}
    assert strand.pieces[:2] == (Piece(Kind.GIL, 2_500_000, 0), Piece(Kind.FREE, 2_500_000, 0))


def test_short_steps_are_divided_as_all_of_their_name() -> None:
    """A step that is too short to have been looked at has the shares of all that are called so."""
    run = Run()
    for number in range(10):
        state = "running" if number % 2 else "polling"
        run.step(f"t{number}", "io", (2, state))

    work = work_of_steps(run.build())

    for strand in work.strands:
        assert pieces(strand) == [("GIL", 0.5, 0), ("IO", 1, 0), ("GIL", 0.5, 0)]


def test_what_nobody_saw_is_what_its_kind_says() -> None:
    """Without an observer a compute step computes and an io step waits, and that is noted."""
    run = Run()
    run.step("a", "compute", (10, "running"))
    run.step("b", "io", (10, "polling"))

    work = work_of_steps(run.build(seen=False))

    assert [pieces(strand) for strand in work.strands] == [[("GIL", 10, 0)], [("IO", 10, 0)]]
    assert any("too little was seen" in note for note in work.notes)
    assert work.spread == pytest.approx(0.23)


def test_who_comes_after_whom() -> None:
    """The names of those before are found again, in as many texts as they took."""
    run = Run()
    run.step("a", "sleep", (10, "sleeping"))
    run.step("b", "sleep", (10, "sleeping"))
    run.step("c", "sleep", (10, "sleeping"))
    run.step("d", "sleep", (10, "sleeping"), tracekit_after="a␞c", tracekit_after_1="b")

    assert work_of_steps(run.build()).strands[3].after == (0, 2, 1)


def test_polls() -> None:
    """A poll is a strand that recurs; how late it was is kept."""
    run = Run()
    for late in (0, 7, 3):
        run.step("look", "poll", (1, "running"), tracekit_every_ns=5 * MS, tracekit_late_ns=late * MS)
        run.step("a", "compute", (10, "running"), number=late)

    work = work_of_steps(run.build())

    assert [(strand.name, strand.every_ns) for strand in work.strands] == [("a", 0), ("look", 5 * MS)]
    assert pieces(work.strands[1]) == [("GIL", 1, 0)]
    assert work.late_ns == 7 * MS


def test_what_would_be_passed() -> None:
    """What a step was given is what the one before gives back; the last one's result is given to nobody."""
    run = Run()
    run.passed("a", 0, 10, 1, 2)
    run.step("a", "compute", (10, "running"))
    run.passed("a", 1, 20, 3, 4)
    run.step("a", "compute", (10, "running"), number=1)
    run.passed("a", 2, 30, 5, 6)

    first, second = work_of_steps(run.build()).strands[0].steps

    assert (first.given, first.result) == (Passing(10, MS, 2 * MS), Passing(20, 3 * MS, 4 * MS))
    assert (second.given, second.result) == (Passing(20, 3 * MS, 4 * MS), Passing(30, 5 * MS, 6 * MS))


def test_steps_of_a_coroutine() -> None:
    """A step of a coroutine computes while its task runs, and waits while it awaits; its wait for the loop is left out."""
    run = Run("asyncio")
    builder = run.builder
    loop = builder.loop(run.process, run.thread, "Loop")
    task = builder.task(run.process, loop, "a")
    track = builder.track(TrackKind.TASK, task)
    args = {"tracekit_step": 0, "tracekit_kind": "io", "tracekit_step_name": "fetch", "tracekit_awaitable": True}
    builder.slice(track, 0, 100 * MS, "a", Category.SPAN, task=task, args=args)
    for start, end in ((0, 10), (80, 100)):
        builder.slice(track, start * MS, end * MS, "running", Category.RUNNING, task=task)
    builder.slice(track, 10 * MS, 60 * MS, "awaiting socket", Category.AWAITING, task=task)
    builder.slice(track, 60 * MS, 80 * MS, "ready", Category.READY, task=task)
    run.now = 100
    run.states = [(10, "running"), (70, "polling"), (20, "running")]

    assert pieces(work_of_steps(run.build()).strands[0]) == [("GIL", 15, 0), ("IO", 50, 0), ("GIL", 15, 0)]


def test_a_sleep_is_as_long_as_it_was_meant_to_be() -> None:
    """How long a sleep really took, as nobody woke the thread in time, does not count."""
    run = Run()
    run.step("a", "sleep", (50, "sleeping"), tracekit_seconds=0.03)

    assert pieces(work_of_steps(run.build()).strands[0]) == [("TIMER", 30, 0)]


def test_several_runs_are_refused() -> None:
    """A trace of several models says which, and what to do."""
    run = Run()
    run.step("a", "sleep", (10, "sleeping"))
    run._span("tracekit model", 10, {"tracekit_model": "threads"})

    with pytest.raises(TracekitError, match=r"several runs in it \(sequential, threads\)"):
        work_of_steps(run.build())


def test_other_programs_have_no_steps() -> None:
    """A trace without such spans is not taken for one with them."""
    run = Run()
    assert not has_steps(run.build())
    run.step("a", "sleep", (10, "sleeping"))
    assert has_steps(run.build())
