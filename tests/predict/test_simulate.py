"""What work takes under each model, where that can be reckoned by hand, and what must hold of any work."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hand_made_work import FREE, FREE_OF_CHARGE, GIL, IO, MS, TIMER, poll, ran, strand, wall, work
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.errors import UsageError
from tracekit.predict.parts import (
    A_CORE,
    A_WORKER,
    COMPUTING,
    OUTSIDE,
    STARTING,
    THE_GIL,
    THE_LOOP,
    Kind,
    Outcome,
    Passing,
    Piece,
    StepOf,
    Strand,
)
from tracekit.predict.scene import Scene
from tracekit.predict.simulate import MODELS, simulate

APART = ("processes", "process-pool", "interpreters")
LOOPED = ("asyncio", "asyncio+threads", "asyncio+processes", "gevent", "trio")


def bounds(outcome: Outcome) -> dict[str, float]:
    """The critical path's ms by what bounds it."""
    found: dict[str, float] = {}
    for stretch in outcome.path:
        found[stretch.waited_for] = round(found.get(stretch.waited_for, 0) + stretch.ns / MS, 2)
    return found


def test_sequential_takes_the_sum() -> None:
    """One after another, strands take the sum of all they do."""
    assert wall("sequential", strand((IO, 100), (GIL, 20)), strand((TIMER, 30)), strand((FREE, 7))) == 157


@pytest.mark.parametrize("model", [model for model in MODELS if model != "sequential"])
def test_waiting_goes_on_at_once(model: str) -> None:
    """Four strands that wait take as long as the longest, where there is room for all four."""
    strands = [strand((TIMER, ms)) for ms in (10, 20, 30, 40)]

    assert wall(model, *strands, cores=4, together=(1.0,)) == 40


@pytest.mark.parametrize("model", ["threads", "thread-pool", *LOOPED])
def test_computing_under_one_gil_takes_the_sum(model: str) -> None:
    """Of threads of one process one computes at a time; only the pool of processes has more of it."""
    expected = 100 if model == "asyncio+processes" else 200

    assert wall(model, *[strand((GIL, 50))] * 4) == expected


@pytest.mark.parametrize("model", APART)
def test_computing_apart_divides_among_the_cores(model: str) -> None:
    """Where each has a GIL of its own, two cores take half the time."""
    assert wall(model, *[strand((GIL, 50))] * 4) == 100


@pytest.mark.parametrize("model", ["threads", "thread-pool", "asyncio+threads", *APART])
def test_computing_without_the_gil_divides_among_the_cores(model: str) -> None:
    """What does not need the GIL only needs a core."""
    assert wall(model, *[strand((FREE, 50))] * 4) == 100


@pytest.mark.parametrize("model", ["thread-pool", "process-pool", "asyncio+threads", "asyncio+processes"])
def test_a_pool_has_the_size_that_it_had(model: str) -> None:
    """The traced model is simulated with its own pool's size, any other one with the usual size."""
    kind = GIL if model == "asyncio+processes" else IO
    traced = work(*[strand((kind, 50), twinless=True)] * 4, traced_model=model, workers=1)
    machine = replace(FREE_OF_CHARGE, cores=4, together=(1.0,) * 4)

    assert simulate(traced, model, machine).wall_ns == 200 * MS
    assert simulate(replace(traced, traced_model="sequential"), model, machine).wall_ns == 50 * MS


def test_cores_that_hinder_each_other_are_slower_together() -> None:
    """Two that compute at once each have the speed that one core has then."""
    assert wall("processes", *[strand((GIL, 60))] * 2, together=(1.0, 0.6)) == 100
    assert wall("processes", strand((GIL, 60)), together=(1.0, 0.6)) == 60


def test_who_needs_no_gil_is_slowed_down_by_itself() -> None:
    """Beside each other, code in C may be slower than Python is: each has the speed of its kind."""
    speeds = {"together": (1.0, 1.0), "unlocked": (1.0, 0.5)}

    assert wall("threads", *[strand((FREE, 50))] * 2, **speeds) == 100
    ends = ran("threads", strand((FREE, 50)), strand((GIL, 50)), **speeds).ends
    assert ends == pytest.approx((75_000_000, 50_000_000))


def test_who_comes_back_from_the_outside_waits_for_the_gil() -> None:
    """A thread that comes back gets the GIL a switch interval later; the one that takes its result may have to wait again."""
    waiting, computing = strand((IO, 12), (GIL, 1)), strand((GIL, 100))

    assert ran("threads", waiting).ends[0] / MS == pytest.approx(12 + 1)
    assert 12 + 5 + 1 <= round(ran("threads", waiting, computing).ends[0] / MS, 3) <= 12 + 5 + 1 + 5
    assert (
        12 + 1 + 1 <= round(ran("threads", waiting, computing, switch_interval_ns=MS).ends[0] / MS, 3) <= 12 + 1 + 1 + 1
    )
    assert ran("processes", waiting, computing).ends[0] / MS == pytest.approx(12 + 1)


def test_nobody_queues_for_the_gil() -> None:
    """Of several who wait any may get it: with many who compute, one waits for longer than its turn would be."""
    late = ran("threads", *[strand((GIL, 300))] * 6, poll(10)).late_ns

    assert late is not None
    assert late / MS > 6 * 5


def test_the_convoy() -> None:
    """Each of many short waits costs an interval when another thread computes: of 1 ms and of 6 ms are five of them."""
    waiting = strand(*[(IO, 1), (GIL, 0.001)] * 5)

    assert ran("threads", waiting).ends[0] / MS == pytest.approx(5, abs=0.01)
    assert ran("threads", waiting, strand((GIL, 100))).ends[0] / MS == pytest.approx(5 * 6 + 5, abs=0.01)


def test_a_loop_is_blocked_by_what_cannot_be_awaited() -> None:
    """I/O without an async twin blocks asyncio, and goes to a thread with asyncio+threads."""
    strands = [strand((IO, 50), twinless=True)] * 3

    assert wall("asyncio", *strands) == 150
    assert wall("asyncio+threads", *strands) == wall("asyncio+processes", *strands) == 50
    assert wall("gevent", *strands) == wall("trio", *strands) == 50


def test_a_driver_that_computes_has_threads_of_its_own() -> None:
    """I/O that is computing in C does not block a loop that can await it, but does gevent's hub."""
    asked = Strand("ask", (Piece(FREE, 50 * MS),), steps=(StepOf("ask", kind="io", awaitable=True),))

    assert wall("asyncio", asked, asked) == wall("asyncio+threads", asked, asked) == wall("trio", asked, asked) == 50
    assert wall("gevent", asked, asked) == 100


def test_a_pool_has_so_many_workers() -> None:
    """A pool of threads has four more than there are cores, one of processes as many."""
    strands = [strand((TIMER, 10))] * 7

    assert wall("thread-pool", *strands) == 20
    assert wall("process-pool", *strands) == 40


@pytest.mark.parametrize("model", MODELS)
def test_strands_begin_after_others(model: str) -> None:
    """A strand begins when all that it comes after have ended."""
    strands = strand((TIMER, 10)), strand((TIMER, 30)), strand((TIMER, 5), after=(0, 1))

    assert wall(model, *strands) == (45 if model == "sequential" else 35)


@pytest.mark.parametrize(
    ("model", "late"), [("sequential", 90), ("asyncio", 90), ("threads", 5), ("asyncio+processes", 0), ("processes", 0)]
)
def test_polls_are_late_by_what_is_in_their_way(model: str, late: float) -> None:
    """A poll waits for the step, the loop's turn or the GIL that it comes upon."""
    outcome = ran(model, strand((TIMER, 1), (GIL, 99), (TIMER, 20)), poll(10))

    assert outcome.late_ns is not None
    assert outcome.late_ns / MS == pytest.approx(late, abs=0.01)


def test_polls_end_with_the_last_other_strand() -> None:
    """A poll does not make the run longer than its tasks, but for the turn that was due."""
    for model in MODELS:
        assert wall(model, poll(7), strand((TIMER, 20))) == 20, model


def test_a_poll_is_due_again_after_it_ran() -> None:
    """The turns of a poll take time, which those that come later are not late by."""
    assert ran("threads", poll(10, turn=3), strand((TIMER, 50))).late_ns == pytest.approx(0, abs=10)


def test_starting_costs() -> None:
    """Processes are started one after another by the parent, and each takes its own time to begin and to end."""
    strands = [strand((TIMER, 10))] * 3

    assert wall("processes", *strands, fork_ns=2 * MS, process_start_ns=4 * MS) == 6 + 2 + 10
    assert wall("threads", *strands, thread_start_ns=MS) == 3 + 10


def test_passing_costs() -> None:
    """What a pool of processes is given is packed here and unpacked there, and its result the other way round."""
    step = StepOf("reckon", kind="compute", given=Passing(1024, MS, 2 * MS), result=Passing(2048, 3 * MS, 4 * MS))
    passed = Strand("strand", strand((GIL, 10)).pieces, steps=(step,))

    assert wall("process-pool", passed) == wall("asyncio+processes", passed) == 20
    assert wall("processes", passed) == 17
    assert wall("threads", passed) == 10
    assert wall("process-pool", passed, send_ns_per_kb=MS, receive_ns_per_kb=2 * MS) == 20 + 3 * (1 + 2)


def test_the_path_says_what_bounds() -> None:
    """The critical path's lengths add up to the whole, each named after what was waited for."""
    assert bounds(ran("sequential", strand((IO, 30), (GIL, 10)), strand((FREE, 5)))) == {
        OUTSIDE: 30,
        COMPUTING: 10,
        "computing without the GIL": 5,
    }
    assert bounds(ran("asyncio", strand((GIL, 30)), strand((GIL, 10)))) == {THE_LOOP: 30, COMPUTING: 10}
    assert bounds(ran("process-pool", *[strand((TIMER, 10))] * 3)) == {A_WORKER: 10, "a timer": 10}
    threads = bounds(ran("threads", strand((GIL, 30)), strand((GIL, 30))))
    assert threads[COMPUTING] == 30
    assert threads[THE_GIL] == 30
    assert bounds(ran("processes", *[strand((GIL, 10))] * 4))[A_CORE] == 10
    assert bounds(ran("processes", strand((GIL, 10)), fork_ns=3 * MS))[STARTING] == 3


def test_the_path_goes_through_what_came_before() -> None:
    """The path leads through the strand that the last one had to wait for, and no other."""
    path = ran("threads", strand((TIMER, 10)), strand((TIMER, 30)), strand((TIMER, 5), after=(0, 1))).path

    assert [(stretch.strand, round(stretch.ns / MS)) for stretch in path] == [(1, 30), (2, 5)]


def test_head_and_tail_stay() -> None:
    """What runs alone before and after is added under every model."""
    outcome = simulate(work(strand((TIMER, 10)), head_ns=3 * MS, tail_ns=2 * MS), "threads", FREE_OF_CHARGE)

    assert outcome.wall_ns == 15 * MS
    assert sum(stretch.ns for stretch in outcome.path) == 15 * MS


def test_work_without_strands_takes_no_time() -> None:
    """Nothing to do is done at once."""
    for model in MODELS:
        assert ran(model).wall_ns == 0


def test_a_model_that_is_not_there_is_refused() -> None:
    """A wrong name is answered by the right ones."""
    with pytest.raises(UsageError, match="'fibres'; take one of sequential, threads"):
        ran("fibres")


_pieces = st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 40)), max_size=4)


@st.composite
def _strands(draw: st.DrawFn) -> list[Strand]:
    found = []
    for index in range(draw(st.integers(1, 8))):
        after = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        found.append(strand(*draw(_pieces), after=tuple(sorted(after)), twinless=draw(st.booleans())))
    return found


@settings(max_examples=60, deadline=None)
@given(_strands(), st.sampled_from(sorted(MODELS)), st.integers(1, 4), st.booleans())
def test_what_holds_of_any_work(strands: list[Strand], model: str, cores: int, with_poll: bool) -> None:
    """No model is faster than its longest chain or than its computing on all cores, or slower than one after another; all end."""
    strands = [*strands, poll(15)] if with_poll else strands
    machine = {"cores": cores, "together": (1.0,) * cores}
    outcome, alone = ran(model, *strands, **machine), ran("sequential", *strands, **machine)
    longest = _longest(strands)
    computing = sum(piece.ns for one in strands for piece in one.pieces if piece.kind in (GIL, FREE))

    assert outcome.wall_ns >= max(longest, computing // cores) - 10
    assert outcome.wall_ns <= alone.wall_ns + 1000
    assert sum(stretch.ns for stretch in outcome.path) == pytest.approx(outcome.wall_ns, abs=1000)


@settings(max_examples=40, deadline=None)
@given(_strands(), st.sampled_from(["processes", "interpreters", "sequential", "asyncio"]))
def test_more_cores_never_hurt(strands: list[Strand], model: str) -> None:
    """With a core more nothing takes longer, where no pool and no GIL decides who goes first."""
    walls = [ran(model, *strands, cores=cores, together=(1.0,) * cores).wall_ns for cores in (1, 2, 3, 4)]

    assert all(later <= earlier + 1000 for earlier, later in pairwise(walls))


@settings(max_examples=20, deadline=None)
@given(_strands(), st.sampled_from(sorted(MODELS)))
def test_the_same_work_gives_the_same(strands: list[Strand], model: str) -> None:
    """A simulation has no chance in it."""
    assert ran(model, *strands) == ran(model, *strands)


def _longest(strands: list[Strand]) -> int:
    ends: list[int] = []
    for one in strands:
        begin = max((ends[other] for other in one.after), default=0)
        ends.append(begin + (0 if one.every_ns else sum(piece.ns for piece in one.pieces)))
    return max(ends, default=0)


def test_who_leads_is_woken_once_for_a_poll() -> None:
    """However many results came, whoever waits for them sets one alarm for each time that a poll is due."""
    some = work(*(strand((IO, number / 2)) for number in range(1, 201)), poll(1))
    scene = Scene(some, FREE_OF_CHARGE)
    MODELS["threads"](scene)
    scene.engine.run(lambda: scene.over)

    assert len(scene.late) >= 100
    assert scene.engine._number < 5 * (200 + len(scene.late))
