"""Batches of text -> events, strictly where that works, leniently where not. Knows JSON, and no kind of event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracekit.load.foreign.brackets import brackets
from tracekit.load.foreign.decode import decode
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.scan import Batch


def decoded(text: bytes) -> tuple[list[Any], list[str]]:
    """The events of a text, and what is said about them."""
    found, mended = brackets(text), Mended()
    depth = np.cumsum(np.where(found.opens, 1, -1))
    batch = Batch(text, found.at[found.opens & (depth == 1)], found.at[~found.opens & (depth == 0)] + 1)
    return decode(batch, mended), mended.notes()


def test_sound_events() -> None:
    """Sound events are taken as they are, and nothing is said."""
    assert decoded(b'{"a":1},\n {"b":"\xc3\xa9"}') == ([{"a": 1}, {"b": "é"}], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":NaN}', None),
        (b'{"a":"x\ny\x01"}', "x\ny\x01"),
        (b'{"a":"\\ud83d"}', "?"),
        (b'{"a":"\xff"}', "�"),
        (b'{"a":"\\ud83d\\ude00"}', "😀"),
    ],
)
def test_what_is_not_quite_json(text: bytes, expected: object) -> None:
    """What is not quite JSON is mended, and costs no other event."""
    (first, second), _ = decoded(text + b',{"b":1}')
    assert second == {"b": 1}
    assert expected is None or first == {"a": expected}
    first["a"] if expected is None else first["a"].encode()


@pytest.mark.parametrize(
    "text", [b'{"a":tru}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":' + b"[" * 99_999 + b"]" * 99_999 + b"}", b'{"a"}']
)
def test_what_is_no_json(text: bytes) -> None:
    """What is no JSON, or more than anybody can read, is left out alone, and counted."""
    events, notes = decoded(text + b',{"b":1}')
    assert events == [{"b": 1}] or events[0]["a"] == float("9" * 5000)
    assert notes == ["events that are no JSON were left out: 1"] or len(events) == 2


def test_values_that_are_no_events() -> None:
    """Numbers, lists and null among the events are left out, and counted."""
    for text in (b'{"a":1},null,5,[1],{"b":1}', b'{"a":tru},null,[1],{"b":1}'):
        events, notes = decoded(text)
        assert events[-1] == {"b": 1}
        assert any("no events" in note for note in notes)


def test_events_in_a_broken_one() -> None:
    """Of several events that a missing bracket made one, all but the broken one are found."""
    text = b'{"ph":"a","args":{"b":1},{"ph":"b"}, {"ph":"c","args":{"l":[{"x":1},{"y":2}]}}]'
    events = decode(Batch(text, np.array([0]), np.array([len(text)])), Mended())
    assert events == [{"ph": "b"}, {"ph": "c", "args": {"l": [{"x": 1}, {"y": 2}]}}]
