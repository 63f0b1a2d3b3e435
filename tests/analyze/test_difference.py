"""What changed between two traces, from traces laid out by hand. Knows no recording and no sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hand_made_states import lay_states

from tracekit.analyze.difference import Change, difference
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

MS = 1_000_000
THRESHOLD = 50 * MS


def program(wall: float = 1000, name: str = "app", **fields: Any) -> tuple[Builder, int, int]:
    """A program of one process and thread; times in ms."""
    builder = Builder(name)
    process = builder.process(1, name, started=0, ended=round(wall * MS), **fields)
    thread = builder.thread(process, 1, "MainThread", started=0, ended=round(wall * MS), main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, round(wall * MS), "MainThread", Category.THREAD)
    return builder, process, thread


def spans(*lengths: float, name: str = "load", wall: float = 1000) -> Trace:
    """Spans one after another."""
    builder, _, thread = program(wall)
    at = 0
    for length in lengths:
        builder.slice(builder.track(TrackKind.THREAD, thread), at, at + round(length * MS), name, Category.SPAN)
        at += round(length * MS)
    return builder.build()


def tasks(*named: tuple[str, str, float], wall: float = 1000) -> Trace:
    """Tasks that run for so long, in one step each: name, coroutine, ms."""
    builder, process, thread = program(wall)
    loop, track, at = builder.loop(process, thread, "Loop"), builder.track(TrackKind.THREAD, thread), 0
    for name, coroutine, length in named:
        end = at + round(length * MS)
        row = builder.task(process, loop, name, coroutine=coroutine, created=at, ended=end, running=end - at, steps=1)
        builder.slice(track, at, end, name, Category.STEP, task=row)
        at = end
    return builder.build()


def the(before: Trace, after: Trace, topic: str, name: str = "") -> Change:
    (row,) = [row for row in difference(before, after, THRESHOLD).changes if (row.topic, row.name) == (topic, name)]
    return row


def test_a_trace_and_itself(hand_made) -> None:
    """Between a trace and itself nothing changed, whatever is in it."""
    hand_made.step("a", 0, 200)
    hand_made.phase("b", Category.AWAITING, 0, 900, "awaiting queue.get")
    hand_made.lock_wait(hand_made.other_thread("worker"), 10, 500, holder=hand_made.thread)
    lay_states(hand_made.builder, hand_made.thread, (300, "running"), (500, "waiting for the GIL"))
    trace = hand_made.build()

    found = difference(trace, trace, THRESHOLD)

    assert [row for row in found.changes if row.is_beyond_noise] == []
    assert {row.topic for row in found.changes} >= {"program", "block", "unit", "wait", "threads"}
    assert found.notes == []


@pytest.mark.parametrize(("wall", "changed"), [(1000, False), (1040, False), (1100, True), (700, True)])
def test_wall(wall: float, changed: bool) -> None:
    """The whole time changed where it did by more than a share of it."""
    assert ("wall" in the(program()[0].build(), program(wall)[0].build(), "program").changed) == changed


def test_held_up_by_the_machine() -> None:
    """A program that waited for a core for long may take longer by as much, without that being its own doing."""
    slow, _, thread = program(1400)
    lay_states(slow, thread, (900, "running"), (500, "runnable"))
    quick, _, thread = program(1000)
    lay_states(quick, thread, (900, "running"))

    assert "wall" not in the(quick.build(), slow.build(), "program").changed


def test_what_is_new_and_what_is_gone() -> None:
    """A span that only one trace has is there once, as what it is, with nothing in place of the other number."""
    before, after = spans(100, name="old"), spans(100, name="new")

    gone, new = the(before, after, "unit", "old"), the(before, after, "unit", "new")

    assert (gone.before, gone.after, gone.numbers["took"].after) == ("span", "", None)
    assert (new.before, new.after, new.numbers["took"].delta) == ("", "span", 100 * MS)
    assert gone.is_beyond_noise
    assert new.is_beyond_noise


def test_little_is_noise() -> None:
    """What is short beside the whole program is noise, even if there is nothing of it in the other trace."""
    assert not the(spans(4), spans(name="other"), "unit", "load").is_beyond_noise


def test_many_scatter() -> None:
    """The mean of many that differ widely anyway is less sure than that of many alike."""
    alike, wide = [10.0] * 20, [1.0, 19.0] * 10

    assert "took" in the(spans(*alike), spans(*(length + 6 for length in alike)), "unit", "load").changed
    assert "took" not in the(spans(*wide), spans(*(length * 1.2 for length in wide)), "unit", "load").changed


def test_tasks_go_by_their_names() -> None:
    """A task that was named goes by that name; one that was not, and one among many, by its coroutine."""
    few = tasks(("mine", "work", 300), ("Task-1", "work", 100))
    many = tasks(*((f"page {number}", "fetch", 10) for number in range(20)))

    names = {row.name for row in difference(few, few, THRESHOLD).of("unit", beyond_noise=False)}

    assert names == {"mine", "work"}
    fetch = the(many, many, "unit", "fetch")
    assert (fetch.numbers["times"].after, fetch.numbers["ran"].after) == (20, 10 * MS)


@pytest.mark.parametrize(
    ("before", "after", "clearly"),
    [
        (300, 500, True),
        (500, 300, True),
        (1, 2, True),
        (4, 4, False),
        (20, 21, False),
        (20, 25, False),
        (300, 310, False),
    ],
)
def test_more_of_the_same(before: int, after: int, clearly: bool) -> None:
    """Clearly more, or less, of the same is a change, though each takes as long as before; a few more of many are chance."""
    fetch = the(*(tasks(*[("", "fetch", 1)] * many) for many in (before, after)), "unit", "fetch")

    assert (fetch.is_recounted, fetch.is_beyond_noise) == (clearly, clearly)
    assert {name for name in fetch.changed if name != "times"} == set()


def test_means_as_sure_as_sums() -> None:
    """A little of each of many is as much as their sum."""
    slower = the(tasks(*[("", "fetch", 1)] * 100), tasks(*[("", "fetch", 2)] * 100), "unit", "fetch")

    assert {"took", "ran"} <= set(slower.changed)
    assert slower.numbers["ran"].delta == 1 * MS
    assert slower.weight == 100 * MS


def test_a_task_that_became_a_thread() -> None:
    """What has the same name and is something else now is one change, and only what both can tell is compared."""
    builder, process, _ = program()
    builder.thread(process, 2, "crunch", started=0, ended=500 * MS)

    change = the(tasks(("crunch", "crunch", 200)), builder.build(), "unit", "crunch")

    assert (change.before, change.after) == ("task", "thread")
    assert set(change.numbers) == {"took", "times"}
    assert change.numbers["took"].delta == 300 * MS


def test_blocks_by_culprit() -> None:
    """A culprit that no longer blocks is gone; one that still does has its count, sum and longest of both."""
    before = tasks(("a", "slow", 200), ("b", "slow", 100), ("c", "other", 300))
    after = tasks(("a", "slow", 100), ("c", "other", 10))

    assert (the(before, after, "block", "other").after, the(before, after, "block", "slow").after) == ("", "block")
    slow = the(before, after, "block", "slow").numbers
    assert [(slow[name].before, slow[name].after) for name in ("times", "total", "longest")] == [
        (2, 1),
        (300 * MS, 100 * MS),
        (200 * MS, 100 * MS),
    ]


def test_what_nobody_watched_is_not_gone() -> None:
    """Threads' states that only one trace has are no change, but a note."""
    watched, _, thread = program()
    lay_states(watched, thread, (400, "running"), (500, "waiting for the GIL"))

    found = difference(watched.build(), program()[0].build(), THRESHOLD)

    assert found.of("threads", beyond_noise=False) == []
    assert found.of("wait", beyond_noise=False) == []
    assert any("The second one was not watched from outside, or hardly" in note for note in found.notes)


def test_what_was_hardly_watched_is_not_gone() -> None:
    """A program that was over after a look or two did not stop computing and waiting: nobody saw it."""
    watched, _, thread = program()
    lay_states(watched, thread, (400, "running"), (500, "waiting for the GIL"))
    hardly, _, thread = program(200)
    lay_states(hardly, thread, (1, "waiting for a lock"))

    found = difference(watched.build(), hardly.build(), THRESHOLD)

    assert found.of("threads", beyond_noise=False) == []
    assert found.of("wait", beyond_noise=False) == []
    assert "cpu" not in found.program.numbers
    assert any("The second one was not watched" in note for note in found.notes)


def waiting_for_locks(*names: str) -> Trace:
    """A program that waited 400 ms each for some locks, or for a thread's end; nobody watched it from outside."""
    builder, _, thread = program()
    args = {"lock": "Lock 1", "outcome": "taken", "function": "update", "file": "/app/work.py", "line": 12}
    args.update(held_by="other", held_in="take", held_file="/app/work.py", held_line=10)
    for number, name in enumerate(names):
        track, start = builder.track(TrackKind.THREAD, thread), (400 * number) * MS
        builder.slice(track, start, start + 400 * MS, name, Category.WAIT, args=args if "Lock" in name else None)
    return builder.build()


def test_locks_without_an_observer() -> None:
    """Waits for locks that both traces recorded are compared, also where nobody watched from outside."""
    found = difference(waiting_for_locks("Lock.acquire", "Thread.join"), waiting_for_locks("Thread.join"), THRESHOLD)

    (wait,) = found.of("wait")
    assert (wait.name, wait.numbers["total"].delta) == ("the lock of take", -400 * MS)
    assert found.notes == []


def test_locks_that_nobody_recorded() -> None:
    """Waits for locks that one trace only has may not have been recorded in the other: no change, but a note."""
    found = difference(waiting_for_locks("Lock.acquire"), waiting_for_locks(), THRESHOLD)

    assert found.of("wait", beyond_noise=False) == []
    assert any(note.startswith("The second one has no waits for locks") for note in found.notes)


def test_waits_and_states() -> None:
    """What threads waited for adds up over all of them, and those of a pool's workers under one name."""

    def pooled(gil: float) -> Trace:
        builder, process, _ = program()
        for number in range(3):
            row = builder.thread(process, 10 + number, f"ThreadPoolExecutor-0_{number}", started=0, ended=900 * MS)
            lay_states(builder, row, (300, "running"), (gil, "waiting for the GIL"))
        return builder.build()

    assert the(pooled(0), pooled(100), "wait", "the GIL").numbers["gil"].delta == 300 * MS
    workers = the(pooled(0), pooled(100), "threads", "ThreadPoolExecutor-*_*")
    assert workers.changed == ["gil"]
    assert workers.numbers["running"].delta == 0


@pytest.mark.parametrize(
    ("before", "after", "changed"), [(157, 187, False), (300, 500, False), (50, 150, False), (150, 400, True)]
)
def test_waiting_for_a_core(before: float, after: float, changed: bool) -> None:
    """How long threads wait for a core is others' doing as well: it changed where it is twice as much, and much of the time."""

    def crowded(runnable: float) -> Trace:
        builder, _, thread = program()
        lay_states(builder, thread, (400, "running"), (runnable, "runnable"), (600 - runnable, "polling"))
        return builder.build()

    found = difference(crowded(before), crowded(after), THRESHOLD)

    assert [row.name for row in found.of("wait")] == ["a core"] * changed


def test_waiting_for_cores_that_others_had() -> None:
    """Where other programs had the cores a note says so, and that threads waited for one is no change of this one."""

    def waiting(cores: int) -> Trace:
        builder, _, thread = program()
        builder.cores = cores
        lay_states(builder, thread, (100, "running"), (900, "runnable"))
        return builder.build()

    quiet = program()
    lay_states(quiet[0], quiet[2], (1000, "running"))

    others, unknown = (
        difference(quiet[0].build(), waiting(2), THRESHOLD),
        difference(quiet[0].build(), waiting(0), THRESHOLD),
    )

    assert (len(others.of("wait")), len(unknown.of("wait"))) == (0, 1)
    assert any("other programs had the cores" in note for note in others.notes)


def shells(recorded: int, seen: int) -> Trace:
    """Commands that a program started for 100 ms each, and what of their own children somebody happened to see."""
    builder, process, _ = program()
    for number in range(recorded + seen):
        started_at = "run (/app/work.py:5)" if number < recorded else ""
        times = {"started": number * MS, "ended": (number + 100) * MS}
        row = builder.process(10 + number, "sh", parent=process, untraced="no Python", started_at=started_at, **times)
        if number >= recorded:
            builder.thread(row, 10 + number, "sh", main=True, **times)
    return builder.build()


def test_processes_seen_by_chance() -> None:
    """Processes count that the program's hooks recorded as started; those that an observer came across do not."""
    same, more = (
        difference(shells(30, 17), shells(30, 11), THRESHOLD),
        difference(shells(30, 0), shells(10, 17), THRESHOLD),
    )

    assert not same.program.is_beyond_noise
    assert [row for row in same.changes if row.before == "process" or row.after == "process"] == []
    assert (more.program.numbers["processes"].before, more.program.numbers["processes"].after) == (31, 11)


def fetching(where: str, did: str = "polling") -> Trace:
    """40 calls of 20 ms: on the main thread, where nobody recorded them, or as jobs of a worker."""
    builder, process, thread = program()
    lay_states(builder, thread, (800, did if where == "main" else "waiting for a lock"))
    if where == "worker":
        worker = builder.track(
            TrackKind.THREAD, builder.thread(process, 2, "ThreadPoolExecutor-0_0", started=0, ended=800 * MS)
        )
        for number in range(40):
            builder.slice(worker, 20 * number * MS, 20 * (number + 1) * MS, "fetch", Category.JOB)
    return builder.build()


def test_what_something_new_is_in_place_of() -> None:
    """What the main thread does less by about as much as something new takes is told; what it waits for others for is not."""
    found = difference(fetching("main"), fetching("worker"), THRESHOLD)
    state, pair = found.relief(next(row for row in found.of("unit") if row.name == "fetch")) or ("", None)

    assert (state, pair and pair.delta) == ("poll", -800 * MS)
    locked = difference(fetching("main", "waiting for a lock"), fetching("worker"), THRESHOLD)
    assert locked.relief(next(row for row in locked.of("unit") if row.name == "fetch")) is None


def test_two_programs() -> None:
    """Traces of two programs, or of one that was started differently, or on less cores, say so and are compared all the same."""
    assert "two programs, app and other" in difference(spans(1), program(name="other")[0].build(), THRESHOLD).notes[0]
    first, second = (program(command=f"app.py --scale {scale}", python=f"3.1{scale}")[0] for scale in (1, 2))
    first.cores, second.cores = 2, 8

    notes = " ".join(difference(first.build(), second.build(), THRESHOLD).notes)

    assert "`app.py --scale 1`, then `app.py --scale 2`" in notes
    assert "different Pythons: 3.11, then 3.12" in notes
    assert "cores: 2, then 8" in notes


def test_largest_first() -> None:
    """After the program itself comes what changed most."""
    before, after = tasks(("a", "a", 100), ("b", "b", 400)), tasks(("a", "a", 300), ("b", "b", 450))

    found = difference(before, after, THRESHOLD)

    assert found.changes[0].topic == "program"
    assert [row.name for row in found.of("unit")] == ["a", "b"]


def test_nothing_at_all() -> None:
    """Two empty traces differ in nothing."""
    found = difference(Builder().build(), Builder().build(), THRESHOLD)

    assert [row.topic for row in found.changes] == ["program"]
    assert not found.program.is_beyond_noise
