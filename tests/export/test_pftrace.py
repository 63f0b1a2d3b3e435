"""Protobuf traces as files: they can be read back, and every byte of them is sound protobuf. Knows nothing of Perfetto itself."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.export.same import assert_same
from tests.export.traces import traces
from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export import _packets
from tracekit.export._packets import Widths, packets_of_numpy
from tracekit.export._protobuf import double, number, text, varint, width
from tracekit.export.pftrace import write
from tracekit.load.pftrace import load
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, Trace, TrackKind

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message, as a reader of protobuf finds them; bytes for what has a length or is eight bytes."""
    at = 0

    def read() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = read()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, read()
            continue
        assert kind in (1, 2)
        size = 8 if kind == 1 else read()
        assert at + size <= len(message)
        yield tag >> 3, message[at : at + size]
        at += size


def _small() -> Trace:
    builder = Builder("program.py")
    thread = builder.thread(builder.process(7, "program"), 7, "MainThread", main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 5, 1_234_567, "MainThread", Category.THREAD)
    outer = builder.frame(-1, "main", "main.py", 3)
    builder.sample(thread, 10, outer, SampleState.GIL, SampleSource.SAMPLER)
    return builder.build()


@in_one_folder
@given(trace=traces())
def test_round_trip(trace: Trace, tmp_path: Path) -> None:
    """Whatever the Builder makes comes back from the file to the nanosecond."""
    write(trace, [], tmp_path / "trace.pftrace")
    assert_same(load(tmp_path / "trace.pftrace"), trace)


@in_one_folder
@given(trace=traces())
def test_every_field_is_one(trace: Trace, tmp_path: Path) -> None:
    """The file is packets and nothing else; each one's lengths add up, and so do those of the event in it."""
    write(trace, [], tmp_path / "trace.pftrace")
    for field, packet in _fields((tmp_path / "trace.pftrace").read_bytes()):
        assert field == 1
        assert isinstance(packet, bytes)
        found = dict(_fields(packet))
        if 11 in found:
            assert {8, 10} < set(found)
            event = found[11]
            assert isinstance(event, bytes)
            assert {9, 11} <= {name for name, _ in _fields(event)}


def test_gzip_is_the_same(tmp_path: Path) -> None:
    """`.pftrace.gz` holds the very bytes of `.pftrace`, and is read back as well; the same trace always gives the same file."""
    for name in ("a.pftrace", "a.pftrace.gz", "b.pftrace.gz"):
        write(_small(), [], tmp_path / name)
    assert gzip.decompress((tmp_path / "a.pftrace.gz").read_bytes()) == (tmp_path / "a.pftrace").read_bytes()
    assert (tmp_path / "a.pftrace.gz").read_bytes() == (tmp_path / "b.pftrace.gz").read_bytes()
    assert_same(load(tmp_path / "a.pftrace.gz"), _small())


def test_findings_are_in_the_file(tmp_path: Path) -> None:
    """What was found can be read in the file, in the words of the report."""
    finding = Finding("loop-blocked", "error", 0.0, 2.0, "MainThread", "held by a step", "use a thread")
    write(_small(), [finding], tmp_path / "trace.pftrace")
    assert b'"sentence":"held by a step"' in (tmp_path / "trace.pftrace").read_bytes()


def test_too_deep_is_noted(tmp_path: Path) -> None:
    """Slices deeper than Perfetto draws are counted in a note, and still read back."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
    for level in range(600):
        builder.slice(track, level, 2000 - level, "frame", Category.SPAN)
    trace = builder.build()
    write(trace, [], tmp_path / "trace.pftrace")
    read = load(tmp_path / "trace.pftrace")
    assert_same(read, trace)
    assert [note for note in read.notes if note.endswith(": 90")]


@pytest.mark.parametrize("name", ["trace.txt", "none/trace.pftrace", "folder.pftrace"])
def test_bad_path(name: str, tmp_path: Path) -> None:
    """A path that cannot be written is one clear error, and leaves nothing behind."""
    (tmp_path / "folder.pftrace").mkdir()
    with pytest.raises(TracekitError, match=r"names no protobuf|cannot be written"):
        write(_small(), [], tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.pftrace"]


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Two hundred thousand slices more take a byte or two more each while they are written, whatever is in them."""
    peaks = []
    for count in (100_000, 300_000):
        builder = Builder()
        track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
        builder.slice(track, 0, 10 * count, "whole", Category.THREAD)
        start = np.arange(count) * 10
        builder.slices(track, start, start + 5, builder.string("span"), Category.SPAN)
        trace = builder.build()
        tracemalloc.start()
        write(trace, [], tmp_path / "trace.pftrace")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 2 * 200_000


@given(st.integers(0, 2**64 - 1))
def test_numbers_are_varints(value: int) -> None:
    """A number is written as protobuf writes it, in as many bytes as are said."""
    written = varint(value)
    assert dict(_fields(b"\x08" + written)) == {1: value}
    assert len(written) == width(value)


def test_negative_numbers_and_texts() -> None:
    """A negative number is one of 64 bits, a lone surrogate a question mark, a floating-point number eight bytes."""
    assert dict(_fields(number(3, -1))) == {3: 2**64 - 1}
    assert dict(_fields(text(3, "é\ud800"))) == {3: "é?".encode()}
    assert dict(_fields(double(300, 1.0))) == {300: b"\0\0\0\0\0\0\xf0\x3f"}


_ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-(2**62), 2**62), st.integers(0, 2**21), st.integers(0, 2**62)),
    max_size=20,
)


@given(_ROWS, st.booleans())
def test_packets_are_protobuf(rows: list[tuple[int, int, int, int]], with_arrows: bool) -> None:
    """The lengths in front of packets are theirs, so a reader of protobuf finds the track, time and arrow of each event."""
    arrows = [arrow if with_arrows else 0 for _, arrow, _, _ in rows]
    widths = Widths.of(2**21, 2**62)
    # Lengths count the arrow, so events with and without one have shapes of their own.
    shapes = [widths.shape(number(9, kind) * 60, 1, arrow) for kind in range(3) for arrow in (False, True)]
    which = [kind * 2 + (arrow != 0) for (kind, *_), arrow in zip(rows, arrows)]
    columns = (
        np.array(which, np.int32),
        np.array(arrows, np.int64),
        np.array([track for _, _, track, _ in rows], np.int64),
        np.array([time for *_, time in rows], np.int64),
    )
    written = packets_of_numpy(shapes, *columns, *widths)
    assert _packets.packets(shapes, *columns, *widths) == written
    found = []
    for _, packet in _fields(written):
        assert isinstance(packet, bytes)
        fields = dict(_fields(packet))
        assert isinstance(fields[11], bytes)
        event = dict(_fields(fields[11]))
        ends = {key: int.from_bytes(event[key], "little") for key in (47, 48) if isinstance(event.get(key), bytes)}
        found.append((event[9], ends.get(48, 0) - ends.get(47, 0), event[11], fields[8]))
    assert found == [(kind, arrow, track, time) for (kind, _, track, time), arrow in zip(rows, arrows)]
