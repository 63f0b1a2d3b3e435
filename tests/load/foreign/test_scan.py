"""Where events begin and end, in whole files and broken ones. Knows bytes, and no kind of event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from foreign_events import unhurried
from hypothesis import given
from hypothesis import strategies as st

from tracekit.load.foreign import scan as scanning
from tracekit.load.foreign.brackets import brackets
from tracekit.load.foreign.decode import decode
from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.scan import Scan

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "}{", "]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=8)
WANTED = frozenset({"beside"})


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """A file, some bytes at a time."""
    return (data[at : at + size] for at in range(0, len(data), size))


def scanned(data: bytes, size: int = 1 << 20) -> tuple[list[Any], Scan, list[str]]:
    """The events of a file, the scan, and its notes."""
    mended = Mended()
    scan = Scan(pieces(data, size), WANTED, 1 << 20, mended)
    events = [event for batch in scan.batches() for event in decode(batch, mended)]
    return events, scan, mended.notes()


@unhurried
@given(text=st.text(alphabet='ab"\\{}[]', max_size=60), cut=st.integers(0, 60))
def test_brackets_against_a_reader_of_single_signs(text: str, cut: int) -> None:
    """Brackets are found as a reader of one sign after another finds them, wherever the text is parted."""
    expected, in_string, escaped = [], False, False
    for at, sign in enumerate(text):
        if sign in "{}[]" and not in_string:
            expected.append(at)
        if sign == '"' and not escaped:
            in_string = not in_string
        escaped = sign == "\\" and not escaped
    data = text.encode()
    first = brackets(data[:cut])
    second = brackets(data[cut:], first.in_string, first.escaped)
    found = first.at.tolist() + (second.at + min(cut, len(data))).tolist()
    assert (found, second.in_string, second.escaped) == (expected, in_string, escaped)


@unhurried
@given(events=EVENTS, size=st.integers(1, 40), indent=st.sampled_from([None, 1]), alone=st.booleans())
def test_events_are_those_of_the_document(events: list[Any], size: int, indent: int | None, alone: bool) -> None:
    """Every event is found, as it stands in the document, however the file is read in pieces."""
    document = events if alone else {"a": [{"ph": 1}], "traceEvents": events, "beside": {"b": [1]}, "c": "}"}
    found, scan, notes = scanned(json.dumps(document, indent=indent).encode(), size)
    assert (found, scan.found, notes) == (events, True, [])
    if not alone:
        assert json.loads(scan.beside["beside"]) == {"b": [1]}
        assert b'"c"' in scan.head


@pytest.mark.parametrize("alone", [True, False])
def test_every_cut(alone: bool) -> None:
    """Of a file that is cut at any byte every event before the cut is found."""
    events = [{"ph": "X", "ts": at, "name": f'n"{at}', "args": {"a": [{"b": "}]"}]}} for at in range(4)]
    text = json.dumps(events if alone else {"traceEvents": events})
    ends = [text.index(f'"ts": {at},') for at in range(4)]
    for size in range(text.index("[") + 1, len(text)):
        found, _, notes = scanned(text[:size].encode(), 50)
        whole = sum(size >= text.index("}]}", end) + 5 for end in ends)
        assert len(found) >= min(whole, 4)
        assert found == events[: len(found)]
        assert notes or alone


@unhurried
@given(data=st.data())
def test_one_wrong_byte_costs_its_neighbours_only(data: st.DataObject) -> None:
    """Whatever one byte becomes, all events but for three are found."""
    events = [{"ph": "X", "ts": at, "name": "name", "args": {"a": 1}} for at in range(20)]
    text = bytearray(json.dumps({"traceEvents": events}).encode())
    text[data.draw(st.integers(text.index(b"{", 1), text.rindex(b"]") - 1))] = data.draw(st.integers(0, 255))
    found, _, _ = scanned(bytes(text))
    assert sum(event in found for event in events) >= 17


def test_space_and_marks_before_the_first_sign() -> None:
    """White space of any length and a byte order mark are passed over."""
    assert scanned(b"\xef\xbb\xbf" + b" \r\n" * 5000 + b'[{"ph":"X"}]', 7)[0] == [{"ph": "X"}]


def test_commas_that_are_missing_or_too_many() -> None:
    """Events are found without commas between them, and with too many."""
    assert len(scanned(b'[{"a":1}{"a":2} {"a":3},,{"a":4},]')[0]) == 4


def test_a_bracket_that_closes_the_list_too_early() -> None:
    """Events that come behind the end of the list are found, and the damage is told."""
    found, _, notes = scanned(b'{"traceEvents":[{"ph":"X"}],{"ph":"Y"},{"ph":"Z"}]}')
    assert [event["ph"] for event in found] == ["X", "Y", "Z"]
    assert any("damaged" in note for note in notes)


def test_what_stands_behind_the_end() -> None:
    """What comes behind the last bracket is left out, and that is told; white space is none."""
    for text in (b'[{"ph":"X"}]', b'{"traceEvents":[{"ph":"X"}]}'):
        assert scanned(text + b" \r\n")[2] == []
        events, _, notes = scanned(text + b" more")
        assert (len(events), notes) == (1, ["what stands behind the end of the events is left out"])


def test_large_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event larger than what is read at once is found; one that is too large is left out, and told."""
    monkeypatch.setattr(scanning, "CHUNK", 1 << 12)
    monkeypatch.setattr(scanning, "MOST_EVENT", 1 << 16)
    for size, expected in ((1 << 15, 3), (1 << 17, 2)):
        large = {"ph": "X", "args": {"a": [{"b": 1}] * 4, "text": 'x"}' * (size // 4)}}
        found, _, notes = scanned(json.dumps([{"ph": "a"}, large, {"ph": "z"}]).encode(), 1000)
        assert (len(found), found[-1]) == (expected, {"ph": "z"})
        assert bool(notes) == (expected == 2)


def test_a_long_text_beside_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text or an object beside the events may be of any size, and is passed over."""
    monkeypatch.setattr(scanning, "CHUNK", 1 << 12)
    document = {
        "systemTraceEvents": '\\"{' * 9000,
        "more": [{"a": "]"}] * 9000,
        "traceEvents": [{"ph": "X"}],
        "beside": [2],
    }
    found, scan, notes = scanned(json.dumps(document).encode(), 1000)
    assert (found, scan.beside, notes) == ([{"ph": "X"}], {"beside": b"[2]"}, [])


@pytest.mark.parametrize(
    "flood", [b"}", b"]", b'"', b"\\", b"[", b"{", b",", b'{"', b'["', b'},{"', b'{"a":{},', b"0,"]
)
def test_a_flood_of_one_sign_ends(flood: bytes) -> None:
    """Megabytes of any sign in place of events come to an end, and what was before them is kept."""
    found, _, _ = scanned(b'{"traceEvents":[{"ph":"X"},' + flood * (1 << 18), 1 << 16)
    assert found[0] == {"ph": "X"}


def test_no_end_of_keys() -> None:
    """A document of more keys than any trace has is given up, and that is told."""
    found, _, notes = scanned(b'{"traceEvents":[{"ph":"X"}]' + b',"a":{}' * 20_000 + b"}")
    assert len(found) == 1
    assert any("keys" in note for note in notes)
