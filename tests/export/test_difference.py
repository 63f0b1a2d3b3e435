"""What changed between two traces in words and as JSON, from programs laid out by hand. Knows no recording and no terminal."""

from __future__ import annotations

import io
import json

import orjson
import pytest
from laid_out_programs import blocked_loop, calls, threads

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
    assert "fetch took 50.0 ms (before 100 ms)." in sentences(found)
    assert "fetch, span took 100 ms 50.0 ms -50.0 ms" in printed(found)


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
