"""Whatever a spool holds, it becomes a sound trace or a clear error. Knows no meaning of any record."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from spool_writer import Detail, SpoolWriter

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.model.check import check
from tracekit.spool import layout
from tracekit.spool.reader import read_spool
from tracekit.spool.text import lines

_NAMES = ("load", "parse", "tick")
_KINDS = tuple(event.kind for event in events.TABLE)
_PLAIN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

times = st.integers(0, 3)
records = st.tuples(
    st.sampled_from(_KINDS), times, st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(0, 63)
)


def writer(stream: list[tuple[int, ...]]) -> SpoolWriter:
    """A spool of records that come in any order; ends of spans mostly name a slot that there is."""
    spool = SpoolWriter()
    now, slots = 10, [0]
    for kind, passed, thread, name, serial, details in stream:
        now += passed
        field = serial if "outcome" in events.BY_KIND[kind].a else _NAMES[name % 3]
        if details & 32:  # no name, or one beside the record
            field = 0
        about_spans = events.BY_KIND[kind].b.startswith("slot")
        number = slots[-1 - serial % len(slots)] if about_spans else serial
        slots.append(spool.record(now, kind, field, number, *_details(spool, kind, details), thread=thread))
    return spool


def _details(spool: SpoolWriter, kind: int, which: int) -> list[Detail]:
    values = {
        events.ARG_INT: spool.arg("n", -which),
        events.ARG_FLOAT: spool.arg("share", which / 2),
        events.ARG_TEXT: spool.arg("text", "ä" * which),
        events.NAME: spool.inline("n" * which),
        events.READING: (events.READING, 0, which),
        events.CODE: spool.code("main"),
        events.ERROR: (events.ERROR, 0, spool.name("ValueError")),
        events.REASON: (events.REASON, 0, spool.name("frozen")),
        events.EXECUTOR: (events.EXECUTOR, spool.name("Pool"), 1),
        events.PARENT: (events.PARENT, 0, 100),
    }
    chosen = [kind for at, kind in enumerate(events.BY_KIND[kind].details) if which >> at & 1]
    return [values.get(detail, (detail, 0, 1)) for detail in chosen]


def loaded(*files: tuple[str, bytes]) -> list[str] | str:
    """The faults of what these spools make together, or the error."""
    with tempfile.TemporaryDirectory() as directory:
        for name, data in files:
            Path(directory, name).write_bytes(data)
        try:
            return check(load(directory))
        except TracekitError as error:
            return str(error)


@_PLAIN
@given(st.lists(records, max_size=60))
@example([])
def test_any_stream_makes_a_sound_trace(stream: list[tuple[int, ...]]) -> None:
    """Records in any order, with any fields, become a trace that keeps every invariant."""
    assert loaded(("100-1.spool", writer(stream).data())) == []


@_PLAIN
@given(st.lists(st.lists(records, max_size=40), min_size=2, max_size=4), st.data())
def test_any_family_makes_a_sound_trace(streams: list[list[tuple[int, ...]]], data: st.DataObject) -> None:
    """Processes of any descent, one pid used again among them, become a trace that keeps every invariant."""
    files = []
    for at, stream in enumerate(streams):
        spool = writer(stream)
        small = st.integers(1, 3)
        for word, value in (("PID", small), ("PPID", small), ("FORK", small), ("START_TICKS", small), ("ENDED", small)):
            spool.header[getattr(layout, f"H_{word}")] = data.draw(value)
        files.append((f"{at}.spool", spool.data()))
    assert loaded(*files) == []


@_PLAIN
@given(
    st.lists(records, min_size=20, max_size=60), st.lists(st.integers(0, 1 << 30), min_size=1, max_size=8), st.randoms()
)
def test_damage_makes_a_sound_trace_or_a_clear_error(
    stream: list[tuple[int, ...]], places: list[int], chance: random.Random
) -> None:
    """Bytes that flip anywhere in the file never make more than an error in words."""
    data = bytearray(writer(stream).data())
    # Where something is written, so that the damage meets more than empty room.
    written = [at for at, byte in enumerate(data) if byte]
    for place in places:
        data[written[place % len(written)]] = chance.randrange(256)
    faults = loaded(("100-1.spool", bytes(data)))
    assert faults == [] or isinstance(faults, str)


@_PLAIN
@given(st.lists(records, min_size=20, max_size=60), st.floats(0, 1))
def test_a_cut_makes_a_sound_trace_or_a_clear_error(stream: list[tuple[int, ...]], share: float) -> None:
    """A file that ends anywhere gives what is there, or an error in words."""
    data = writer(stream).data()
    faults = loaded(("100-1.spool", data[: int(len(data) * share)]))
    assert faults == [] or isinstance(faults, str)


@_PLAIN
@given(st.lists(records, max_size=60))
def test_any_stream_has_a_text(stream: list[tuple[int, ...]]) -> None:
    """The text twin of a spool has one line for each record that was written."""
    spool = writer(stream)
    with tempfile.TemporaryDirectory() as directory:
        text = list(lines(read_spool(spool.write(Path(directory)))))
    assert sum(line.startswith("  ") for line in text) == len(stream)


@_PLAIN
@given(
    st.lists(records, max_size=60),
    st.lists(records, max_size=30),
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from((layout.CLOCK_MONOTONIC_NS, layout.CLOCK_TSC)),
)
def test_any_flight_makes_a_sound_trace(
    stream: list[tuple[int, ...]], carried: list[tuple[int, ...]], let_go: int, flight_ns: int, clock: int
) -> None:
    """Whatever a flight recorder carried and let go of, its window keeps every invariant."""
    spool = writer(stream)
    spool.header |= {layout.H_LET_GO: let_go, layout.H_FLIGHT_NS: flight_ns, layout.H_CLOCK: clock}
    for at, (kind, time, thread, name, serial, details) in enumerate(carried):
        slot = 1 << 20 | at * 32
        field = serial if "outcome" in events.BY_KIND[kind].a else _NAMES[name % 3]
        spool.carry(time, kind, field, serial, *_details(spool, kind, details), slot=slot, thread=thread)
    assert loaded(("100-1.spool", spool.data())) == []
