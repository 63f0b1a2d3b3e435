"""The two cores: the same calls with the same clock make the same bytes. Knows the spool only, and no probe."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit import events
from tracekit.spool import buffer, layout, names, texts
from tracekit.spool import core as cores
from tracekit.spool.core import core
from tracekit.spool.file import Limits, NoRoom, SpoolFile

pytestmark = pytest.mark.skipif(core.fast is None, reason="there is no C core to compare with")

NATIVE = Path(__file__).resolve().parents[2] / "tracekit" / "native"


class Side:
    """A spool that one of the cores writes into, on this thread alone."""

    def __init__(self, directory: Path, made_by: Any, max_bytes: int) -> None:
        directory.mkdir()
        self.spool = SpoolFile(str(directory), limits=Limits(max_bytes=max_bytes))
        self.told: list[Any] = []
        self.names = made_by.Names(self.spool, lambda *why: self.told.append(why))
        self.buffer = made_by.Buffer(self._refill, itertools.count(1000, 7).__next__)
        self.handle: object = None

    def _refill(self, full: object) -> None:
        try:
            room = self.spool.take_block(layout.BLOCK_RECORDS, 3 | 4 << 32)
        except NoRoom:
            room = buffer.scratch()
        self.handle = self.buffer.give(*room, full)

    def blocks(self) -> bytes:
        """What lies behind the header, whose clocks differ."""
        return Path(self.spool.path).read_bytes()[layout.HEADER_BYTES :]


Call = Callable[[Side], object]

any_text = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(["", "tick", "é" * 700, "x" * 5000])
any_word = st.integers(0, (1 << 64) - 1)
field = st.integers(0, layout.B_MAX)
kind = st.integers(1, 255)
details = st.lists(st.tuples(any_word, any_word), max_size=4) | st.integers(0, 900).map(lambda count: [(1, 2)] * count)

calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(lambda *record: lambda side: side.buffer.write(*record), kind, st.integers(0, layout.A_MAX), field),
    st.builds(lambda kind, some: lambda side: side.buffer.write(kind, b=5, details=list(some)), kind, details),
    st.builds(
        lambda kind, times: lambda side: [side.buffer.write(kind) for _ in range(times)], kind, st.integers(0, 1100)
    ),
    st.builds(lambda kind, b: lambda side: side.buffer.write_last(side.handle, kind, 0, b), kind, field),
    st.builds(lambda text: lambda side: side.names.intern(text), any_text),
    st.builds(lambda text: lambda side: side.names.recall(text), any_text),
    st.builds(lambda times: lambda side: [side.names.recall(f"{n}") for n in range(times)], st.integers(0, 600)),
    st.builds(
        lambda text: (
            lambda side: side.buffer.write(
                events.INSTANT, 0, 0, texts.encode(events.NAME, 0, text) + texts.encode(events.ARG_TEXT, 1, text)
            )
        ),
        any_text,
    ),
)


@settings(deadline=None, max_examples=150)
@given(program=st.lists(calls, max_size=30), max_bytes=st.sampled_from([0, 0, 1, 100_000]))
def test_same_bytes(tmp_path_factory: pytest.TempPathFactory, program: list[Call], max_bytes: int) -> None:
    """Whatever is written and named, in whatever order: results, bytes and complaints are the same, also without room."""
    directory = tmp_path_factory.mktemp("sides")
    python = Side(directory / "py", _Reference, max_bytes)
    native = Side(directory / "c", core.fast, max_bytes)

    results = [[call(side) for call in program] for side in (python, native)]

    assert results[0] == results[1]
    assert python.blocks() == native.blocks()
    assert [ended for ended, _ in python.told] == [ended for ended, _ in native.told]


class _Reference:
    Buffer = buffer.Buffer
    Names = names.Names


def test_most_names(tmp_path: Path) -> None:
    """Both tables are full at the same name, for texts that are recalled and for all."""
    python, native = Side(tmp_path / "py", _Reference, 0), Side(tmp_path / "c", core.fast, 0)

    for side in (python, native):
        for number in range(21_000):
            side.names.recall(f"often {number}")
            side.names.recall(f"often {number}")
        for number in range(50_000):
            side.names.intern(f"name {number}")

    assert python.names.intern("one more") == native.names.intern("one more") == 0
    assert python.blocks() == native.blocks()


def test_same_numbers() -> None:
    """What the C core knows of the layout and of the table of events is what these say."""
    text = (NATIVE / "layout.h").read_text()
    numbers = {name: int(value, 0) for name, value in re.findall(r"^    ([A-Z_]+) = (\w+),$", text, re.MULTILINE)}

    places: tuple[Any, ...] = (layout, events, buffer, texts, cores)
    known = {name: next(getattr(place, name) for place in places if hasattr(place, name)) for name in numbers}

    assert len(numbers) > 20
    assert numbers == known
