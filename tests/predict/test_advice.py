"""What a trace advises, from programs laid out by hand, one of each shape. Knows no recording and no text but its key words."""

from __future__ import annotations

import pytest
from laid_out_programs import FILE, alone, blocked_loop, calls, convoy, processes, threads

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import UNLOCKED, Trace
from tracekit.predict.advice import advise
from tracekit.predict.counsel import Advice

GIL_WAIT, IO = "waiting for the GIL", "reading or writing"


def only(trace: Trace) -> Advice:
    """The one recommendation for a trace."""
    assert check(trace) == []
    (advice,) = advise(trace).advice
    return advice


def test_computing_on_a_loop() -> None:
    """What computes on an event loop belongs into a process: file and line, the gain, and the worst wait before and after."""
    advice = only(blocked_loop("running"))

    assert (advice.now, advice.model) == ("asyncio", "asyncio+processes")
    assert (advice.hot.name, advice.hot.file, advice.hot.line) == ("compute_all", FILE, 9)
    assert "ProcessPoolExecutor" in advice.change
    assert advice.late_before_s == pytest.approx(0.6, rel=0.01)
    assert advice.late_after_s is not None
    assert advice.late_after_s < 0.05
    assert advice.gain_s is not None
    assert advice.gain_low_s is not None
    assert advice.gain_high_s is not None
    assert 0.2 < advice.gain_low_s <= advice.gain_s <= advice.gain_high_s < 0.6
    assert any(cost.startswith("Memory") and "30.0 MB" in cost for cost in advice.costs)


def test_a_block_beside_a_longer_timer() -> None:
    """Where a timer lasts longer than the block the program takes as long without it: only the waiting is shorter."""
    advice = only(blocked_loop("running", long_timer=True))

    assert advice.gain_s == pytest.approx(0, abs=0.02)
    assert advice.late_before_s == pytest.approx(0.6, rel=0.01)


def test_two_that_block_hide_each_other_from_nobody() -> None:
    """Each of two culprits is advised to go, though without one of them everybody would wait for the other as long."""
    trace = blocked_loop("running", culprits=("compute_all", "compute_more"))
    found = advise(trace)

    assert [advice.hot.seconds for advice in found.advice] == [0.3, 0.3]
    assert all(advice.late_after_s is not None and advice.late_after_s < 0.05 for advice in found.advice)
    assert found.fine == ()


def test_whether_it_held_the_gil_was_not_seen() -> None:
    """Computing of which nobody saw whether it held the GIL is advised into a process, less surely, with what would tell more."""
    advice = only(blocked_loop("running"))

    assert advice.confidence == "medium"
    assert "--py-spy" in advice.to_be_sure


def test_computing_without_the_gil_on_a_loop() -> None:
    """What computes without the GIL belongs into a thread, which costs no memory."""
    advice = only(blocked_loop(UNLOCKED))

    assert (advice.model, advice.confidence) == ("asyncio+threads", "high")
    assert "asyncio.to_thread" in advice.change
    assert not any("process" in cost for cost in advice.costs)


@pytest.mark.parametrize("doing", [IO, "sleeping", "in a system call"])
def test_waiting_on_a_loop(doing: str) -> None:
    """What waits on an event loop belongs into a thread."""
    assert only(blocked_loop(doing)).model == "asyncio+threads"


def test_a_block_that_nobody_felt() -> None:
    """A block for which nobody waited, and without which the program would take as long, is fine."""
    counsel = advise(blocked_loop("running", victims=False))

    assert counsel.advice == ()
    assert any("compute_all" in sentence and "may stay" in sentence for sentence in counsel.fine)


def test_a_block_that_is_not_its_own_doing() -> None:
    """A step that was long because other threads had the GIL is not advised to move."""
    counsel = advise(blocked_loop(GIL_WAIT))

    assert counsel.advice == ()
    assert any("not to blame" in sentence for sentence in counsel.unknown)


def test_nobody_watched() -> None:
    """Where nobody looked at the threads nothing is advised; it is said what to record."""
    for trace in (blocked_loop("running", watched=False), alone("", watched=False)):
        counsel = advise(trace)

        assert counsel.advice == ()
        assert any("observer" in sentence for sentence in counsel.unknown)


def test_threads_that_compute_with_the_gil() -> None:
    """Threads that compute in turns belong into processes: on two cores about half the time."""
    advice = only(threads("running", waiting=GIL_WAIT))

    assert (advice.now, advice.model) == ("threads", "process-pool")
    assert advice.hot.name == "work"
    assert advice.wall_after_s == pytest.approx(0.5, rel=0.2)
    assert "4 threads" in advice.change


@pytest.mark.parametrize(("doing", "kind"), [(UNLOCKED, "computing without the GIL"), (IO, "waiting for the outside")])
def test_threads_that_are_right(doing: str, kind: str) -> None:
    """Threads that wait, or compute without the GIL on as many cores as there are, are fine, and the trace says why."""
    counsel = advise(threads(doing, many=2))

    assert counsel.advice == ()
    assert any(kind in sentence and "may stay" in sentence for sentence in counsel.fine)
    assert counsel.models["threads"].wall_s <= min(row.wall_s for row in counsel.models.values()) * 1.05


def test_calls_that_wait() -> None:
    """Calls that wait one after another belong side by side, in threads: as many as there are calls."""
    advice = only(calls(IO))

    assert (advice.now, advice.model, advice.hot.name) == ("sequential", "threads", "fetch")
    assert advice.wall_after_s is not None
    assert advice.wall_after_s < 0.3
    assert "ThreadPoolExecutor(10)" in advice.change
    assert advice.late_before_s is None


def test_calls_that_compute() -> None:
    """Calls that compute one after another belong into processes, for threads would bring nothing."""
    advice = only(calls("running"))

    assert (advice.now, advice.model) == ("sequential", "process-pool")
    assert advice.wall_after_s == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize(("doing", "model"), [(IO, "threads"), ("running", "process-pool")])
def test_a_program_without_parts(doing: str, model: str) -> None:
    """Of a program of which no parts are known only a bound can be told, not surely, and what to record to know more."""
    advice = only(alone(doing))

    assert (advice.model, advice.confidence, advice.gain_s, advice.gain_low_s) == (model, "low", None, 0.0)
    assert advice.gain_high_s is not None
    assert advice.gain_high_s > 0.3
    assert "span" in advice.to_be_sure


def test_a_program_that_sleeps() -> None:
    """What sleeps on purpose no model shortens."""
    counsel = advise(alone("sleeping"))

    assert (counsel.advice, counsel.unknown) == ((), ())
    assert "sleeps" in counsel.fine[0]


def test_a_lock() -> None:
    """Threads that stand in line for a lock do so under any model: what is advised is to hold it for less, and where."""
    advice = only(convoy())

    assert (advice.model, advice.hot.name, advice.hot.file, advice.hot.line) == ("", "write", FILE, 12)
    assert "No model helps" in advice.why
    assert advice.gain_s is None


def test_locks_that_were_not_recorded() -> None:
    """Threads that were seen to wait for locks of which nothing was recorded: how to record it is said."""
    counsel = advise(threads("running", waiting="waiting for a lock"))

    assert any("--locks" in sentence for sentence in counsel.unknown)


def test_a_busy_machine() -> None:
    """Where other programs had the cores that is said, for everything took longer."""
    assert any("record it again" in sentence for sentence in advise(calls("runnable")).unknown)


@pytest.mark.parametrize("trace", [blocked_loop("running"), threads("running", waiting=GIL_WAIT), calls(IO)])
def test_never_what_brings_nothing(trace: Trace) -> None:
    """All that is advised brings something: time, or a shorter wait, by more than a hair."""
    for advice in advise(trace).advice:
        assert advice.worth > 0.01


def test_nothing_at_all() -> None:
    """Of an empty trace nothing is advised."""
    counsel = advise(Builder().build())

    assert (counsel.advice, counsel.fine) == ((), ())


def test_threads_that_wait_for_locks_are_not_called_fine() -> None:
    """Threads that mostly wait for locks that nobody recorded are not said to wait for the outside, and to be right so."""
    counsel = advise(threads("waiting for a lock"))

    assert counsel.fine == ()
    assert any("--locks" in sentence for sentence in counsel.unknown)


@pytest.mark.parametrize(
    ("doing", "at_once", "now"),
    [("running", True, "processes"), ("sleeping", True, "processes"), ("sleeping", False, "sequential")],
)
def test_processes(doing: str, at_once: bool, now: str) -> None:
    """Processes are work like any other: what they are, and by which function, is told; side by side they are fine."""
    counsel = advise(processes(doing, at_once=at_once))
    sentences = [*counsel.fine, *(advice.change for advice in counsel.advice)]

    assert counsel.now == now
    assert any(f"work ({FILE}:3)" in sentence for sentence in sentences)
    assert bool(counsel.advice) == (not at_once)
    assert any("save the memory of 2 processes" in sentence for sentence in counsel.fine) == (
        doing == "sleeping" and at_once
    )


def test_programs_side_by_side() -> None:
    """Programs that run side by side are fine; threads in their place are no matter, for they are other programs."""
    counsel = advise(processes("sleeping", at_once=True, command="ls"))

    assert counsel.advice == ()
    assert not any("save the memory" in sentence for sentence in counsel.fine)


def test_programs_one_after_another() -> None:
    """Programs that were started one after another are advised to be started at once, by the line that starts them."""
    advice = only(processes("sleeping", at_once=False, command="ls"))

    assert advice.change.startswith("If the programs do not depend on each other")
    assert f"start the 2 programs that run ({FILE}:5) starts before" in advice.change
    assert advice.confidence != "high"
