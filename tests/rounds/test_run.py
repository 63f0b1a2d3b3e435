"""What a child writes, and what is made of it. Runs nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracekit.rounds.child import Look
from tracekit.rounds.run import read


def told(**more: Any) -> dict[str, Any]:
    """What a child writes of a run with one step."""
    given: dict[str, Any] = {
        "wall_s": 1.5,
        "cpu_s": 1.0,
        "started_s": 0.1,
        "begun": 100,
        "ended": 500,
        "switches": 3,
        "preemptions": 1,
        "events": [[400, "a", 0, "end"], [200, "a", 0, "begin"]],
        "polls": [["poll", 100, 150], ["poll", 90, 80]],
        "steps": {"a": [["compute", "parse"]]},
        "polls_every": {"poll": 0.5},
        "results_alike": "d1",
    }
    return {**given, **more}


def test_events_come_in_order() -> None:
    """Whoever wrote them down first, they are read in the order of time."""
    run = read(json.dumps(told()).encode(), [Look(300, 7)])
    assert [event[3] for event in run.events] == ["begin", "end"]
    assert run.steps == {"a": [("compute", "parse")]}
    assert run.peak_pss_bytes == 7


def test_who_is_too_short_to_be_weighed_says_what_it_weighs() -> None:
    """The most memory that was seen, from outside while it ran or from inside at its end."""
    weights = [([Look(200, 7)], 9), ([Look(200, 9), Look(300, 7)], 7), ([], 9), ([Look(200, 9)], None)]
    seen = [read(json.dumps(told(pss_bytes=inside)).encode(), looks).peak_pss_bytes for looks, inside in weights]
    assert seen == [9, 9, 9, 9]
    assert read(json.dumps(told(pss_bytes=None)).encode(), []).peak_pss_bytes is None


def test_what_is_done_before_and_after_weighs_nothing() -> None:
    """Setting a workload up, and looking at its results, are not the model's."""
    looks = [Look(99, 50), Look(100, 7), Look(500, 8), Look(501, 60)]
    assert read(json.dumps(told()).encode(), looks).peak_pss_bytes == 8


def test_lateness_is_never_negative() -> None:
    """A poll that came before it was due was in time."""
    assert read(json.dumps(told()).encode(), []).lateness_s == [0.0, 5e-08]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", json.dumps(told(events=[[1, "a"]])).encode()])
def test_anything_else_is_refused(text: bytes) -> None:
    """What no child writes is a ValueError, whatever it is."""
    with pytest.raises(ValueError):
        read(text, [])
