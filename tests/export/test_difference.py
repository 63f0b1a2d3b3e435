"""What changed between two traces in words and as JSON, from programs laid out by hand. Knows no recording and no terminal."""

from __future__ import annotations

import io
import json

import orjson
import pytest
from hand_made_states import lay_states
from laid_out_programs import Laid, blocked_loop, calls, threads

from tracekit.analyze.difference import Difference, difference
from tracekit.analyze.subjects import COUNT, NUMBERS, SIZE
from tracekit.export.difference import SENTENCES, render, sentences
from tracekit.export.difference_json import as_object
from tracekit.export.page import page
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

THRESHOLD = 50_000_000


def changed(before: Trace, after: Trace) -> Difference:
    return difference(before, after, THRESHOLD)


def printed(found: Difference) -> str:
    """All that is printed, without line breaks and indents."""
    out = io.StringIO()
    render(found, page(out))
    return " ".join(out.getvalue().split())


def test_a_block_that_is_gone() -> None:
    """First the time that it took in all, then the block that is gone, by its place, and who no longer waits."""
    said = sentences(changed(blocked_loop("running"), blocked_loop("running", blocked=20)))

    assert said[0].startswith("It took as long as before")
    assert any(
        sentence.startswith("compute_all (/app/work.py:9) no longer blocks its event loop: it did once")
        for sentence in said
    )
    assert any(sentence.startswith("Tasks that were ready waited up to") for sentence in said)
    assert any(sentence.startswith("ticking (tick)") for sentence in said)


def test_a_block_that_is_new() -> None:
    """The other way round it is new."""
    said = sentences(changed(blocked_loop("running", blocked=20), blocked_loop("running")))

    assert any("blocks its event loop now: once, for 600 ms, and 1 task waited for it" in sentence for sentence in said)


def test_shorter() -> None:
    """A program that takes half the time says so, in time and share."""
    found = changed(calls("running", each=100), calls("running", each=50))

    assert sentences(found)[0] == "It took 500 ms, 50% less than before (1.00 s)."
    assert "fetch, 10 spans: on the mean each took 50.0 ms (before 100 ms)." in sentences(found)
    assert "fetch, span took 100 ms 50.0 ms -50.0 ms" in printed(found)


def test_more_of_the_same_comes_first() -> None:
    """That there was more to do is said before everything else but the time; then how long each took."""
    said = sentences(changed(calls("running", many=10, each=50), calls("running", many=30, each=50)))

    assert said[:2] == [
        "It took 1.50 s, 200% more than before (500 ms).",
        "fetch, 30 spans in place of 10: each took as long as before.",
    ]
    assert "on the mean each took 60.0 ms (before 50.0 ms)" in " ".join(
        sentences(changed(calls("running", many=10, each=50), calls("running", many=30, each=60)))
    )


def consumers(*lives: int) -> Trace:
    """Threads that take so many ms each; one of them has no number."""
    builder = Builder("app")
    process = builder.process(1, "app")
    main = builder.thread(process, 1, "MainThread", started=0, ended=10**9, main=True)
    builder.slice(builder.track(TrackKind.THREAD, main), 0, 10**9, "MainThread", Category.THREAD)
    for number, life in enumerate(lives):
        name = f"consumer-{number}" if len(lives) > 1 else "consumer"
        builder.thread(process, 2 + number, name, started=0, ended=life * 10**6)
    return builder.build()


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ([800], [200] * 4, "consumer, 4 threads in place of 1: on the mean each took 200 ms (before 800 ms)."),
        ([200] * 4, [800], "consumer, a thread in place of 4: it took 800 ms (before 200 ms on the mean)."),
        ([800], [400], "consumer took 400 ms (before 800 ms)."),
        ([], [200] * 4, "consumer, 4 threads that took 200 ms each, on the mean, are new."),
        ([800], [], "consumer, a thread that took 800 ms, is no longer there."),
    ],
)
def test_one_and_many(before: list[int], after: list[int], sentence: str) -> None:
    """Threads whose names differ by a number are one line, which says how many there are, and what is of each."""
    assert sentence in sentences(changed(consumers(*before), consumers(*after)))


def test_the_longest_step_of_all() -> None:
    """Beside the means of many their longest step is said to be the longest of all."""

    def tasks(*lengths: int) -> Trace:
        builder = Builder("app")
        process = builder.process(1, "app")
        thread = builder.thread(process, 1, "MainThread", started=0, ended=10**9, main=True)
        loop, track, at = builder.loop(process, thread, "Loop"), builder.track(TrackKind.THREAD, thread), 0
        builder.slice(track, 0, 10**9, "MainThread", Category.THREAD)
        for length in lengths:
            end = at + length * 10**6
            row = builder.task(process, loop, "", coroutine="work", created=at, ended=end, running=end - at, steps=1)
            builder.slice(track, at, end, "", Category.STEP, task=row)
            at = end
        return builder.build()

    said = sentences(changed(tasks(100, 100), tasks(20, 40)))

    assert (
        "work, 2 tasks: on the mean each took 30.0 ms (before 100 ms); ran 30.0 ms (before 100 ms); the longest step of all took "
        "40.0 ms (before 100 ms)."
    ) in said


def test_in_place_of_what() -> None:
    """Beside what is new stands what the main thread does less since then."""

    def program(on_worker: bool) -> Trace:
        laid = Laid(1000)
        lay_states(laid.builder, laid.main, (900, "waiting for a lock" if on_worker else "polling"))
        if on_worker:
            worker = laid.thread("ThreadPoolExecutor-0_0", 0, 1000, starter=laid.main)
            for number in range(9):
                laid.slice(worker, 100 * number, 100 * number + 100, "fetch", Category.JOB)
        return laid.builder.build(exit_status=0)

    assert (
        "fetch, 9 jobs that took 100 ms each, on the mean, are new; the main thread was seen waiting for I/O for 900 ms before, "
        "and not at all now."
    ) in sentences(changed(program(False), program(True)))


def test_what_time_goes_into() -> None:
    """A mixed kind is told by its two largest shares."""

    def spent(**shares: int) -> Trace:
        laid, parts = Laid(1000), [(share, state) for state, share in shares.items()]
        lay_states(laid.builder, laid.main, *parts)
        laid.slice(laid.main, 0, 1000, "load", Category.SPAN)
        return laid.builder.build(exit_status=0)

    found = changed(spent(polling=1000), spent(sleeping=550, polling=350, running=100))

    assert (
        "The time of load goes into waiting for timers (55%) and waiting for I/O (35%) now; before, into waiting for I/O."
        in sentences(found)
    )


def test_what_goes_into_the_same() -> None:
    """What goes into the same now, and did before, is one sentence."""

    def spent(state: str) -> Trace:
        laid = Laid(1000)
        lay_states(laid.builder, laid.main, *[(10, state)] * 100)
        for number, name in enumerate(("load", "store")):
            laid.slice(laid.main, 500 * number, 500 * number + 500, name, Category.SPAN)
        return laid.builder.build(exit_status=0)

    said = sentences(changed(spent("running"), spent("polling")))

    assert [sentence for sentence in said if sentence.startswith("The time of")] == [
        "The time of load and store goes into waiting for I/O now; before, into computing."
    ]


def test_nothing_changed() -> None:
    """Where nothing did, one line says so, another one how much is within noise, and there is no table."""
    found = changed(threads("running"), threads("running"))

    assert len(sentences(found)) == 1
    assert "changed by no more than noise" in printed(found)
    assert "before now change" not in printed(found)


def test_many_changes() -> None:
    """Of many changes the largest are told, and how many more there are."""

    def spans(*lengths: int) -> Trace:
        builder = Builder("app")
        thread = builder.thread(builder.process(1, "app"), 1, "MainThread", started=0, ended=10**9, main=True)
        track, at = builder.track(TrackKind.THREAD, thread), 0
        builder.slice(track, 0, 10**9, "MainThread", Category.THREAD)
        for number, length in enumerate(lengths):
            builder.slice(track, at, at + length * 10**6, f"span {number}", Category.SPAN)
            at += length * 10**6
        return builder.build()

    said = sentences(changed(spans(*[20] * 10), spans(*range(50, 60))))

    assert [sentence.split(" took")[0] for sentence in said[1 : 1 + SENTENCES]] == [
        f"span {n}" for n in range(9, 3, -1)
    ]
    assert said[-1].startswith("4 more units changed")


def test_notes_come_first() -> None:
    """What must be known before it is believed comes before everything else."""
    other = Builder("other").build()

    assert printed(changed(calls("running"), other)).startswith("note These are two programs, app.py and other")


@pytest.mark.parametrize(("before", "after"), [("running", "waiting for the GIL"), ("running", "running")])
def test_json(before: str, after: str) -> None:
    """The object holds everything, also what did not change, as plain values that any JSON writer takes."""
    found = changed(blocked_loop(before), blocked_loop(after, blocked=300))

    told = as_object(found)

    assert json.loads(orjson.dumps(told)) == told
    assert len(told["changes"]) == len(found.changes)
    assert told["same_program"]
    assert told["summary"] == sentences(found)
    for row in told["changes"]:
        assert set(row["changed"]) <= set(row["numbers"])
        assert all(set(pair) == {"before", "after", "change", "noise"} for pair in row["numbers"].values())


def test_units_of_json() -> None:
    """Times are seconds and end in _s, sizes in _bytes; counts have no unit."""
    told = as_object(changed(calls("running"), calls("running", each=50)))
    program = told["changes"][0]["numbers"]

    assert (program["wall_s"]["before"], program["wall_s"]["change"]) == (1.0, -0.5)
    assert program["memory_bytes"]["after"] == 30_000_000
    assert program["threads"]["after"] == 1
    assert {unit for unit in NUMBERS.values() if unit not in (COUNT, SIZE)} == {"time", "sampled time"}
