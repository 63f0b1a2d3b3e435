"""Protobuf traces that are not as we wrote them: a clear error, whatever is in them. Knows bytes, and no event."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit.errors import TracekitError
from tracekit.export.pftrace import write
from tracekit.load import load as load_anything
from tracekit.load import own_file
from tracekit.load.pftrace import is_pftrace, load
from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import Category, TrackKind

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small trace."""
    builder = Builder("program.py")
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "t", main=True))
    builder.slice(track, 5, 100, "MainThread", Category.THREAD, args={"a": [1, 2.5, "x"]})
    path = tmp_path_factory.mktemp("whole") / "a.pftrace"
    write(builder.build(), [], path)
    return path.read_bytes()


@pytest.mark.parametrize("gzipped", [False, True])
def test_read_by_its_content(whole: bytes, gzipped: bool, tmp_path: Path) -> None:
    """A protobuf trace is known by its first bytes, zipped or not, whatever it is called."""
    path = tmp_path / "trace"
    path.write_bytes(gzip.compress(whole) if gzipped else whole)
    assert load_anything(path).program == "program.py"


def test_first_bytes() -> None:
    """JSON that begins with an empty line is no protobuf."""
    assert is_pftrace(b"\x0a\x03abc")
    assert not is_pftrace(b'\n {"traceEvents":[')
    assert not is_pftrace(b"\n[")
    assert not is_pftrace(b"")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x0a\x04\x50\x01\x40\x05", "tracekit did not write"),
        (b"\x0a", "cut off"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"\x0a\xff\xff\xff\xff\x0f\xe2\xea\x04", "tracekit did not write"),
        (b"\x0a\x04\xe2\xea\x04\x00", "cut off or damaged"),
        (b"\x0a\x06\xe2\xea\x04\x02{}\x0a\x04\xe2\xea\x04\x00", "damaged"),
    ],
)
def test_not_ours(content: bytes, why: str, tmp_path: Path) -> None:
    """Somebody else's trace, and what is none at all, is an error that says so."""
    path = tmp_path / "trace.pftrace"
    path.write_bytes(content)
    with pytest.raises(TracekitError, match=why):
        load(path)


@in_one_folder
@given(data=st.data())
def test_cut_off(whole: bytes, data: st.DataObject, tmp_path: Path) -> None:
    """Cut off anywhere in its tables it is a clear error; cut off behind them, they are whole."""
    end = whole.index(b"\x0a\x04\xe2\xea\x04\x00") + 6
    at = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path / "trace.pftrace"
    path.write_bytes(whole[:at])
    if at < end:
        with pytest.raises(TracekitError):
            load(path)
    else:
        assert load(path).program == "program.py"


@in_one_folder
@given(data=st.data())
def test_changed_bytes(whole: bytes, data: st.DataObject, tmp_path: Path) -> None:
    """Whatever bytes are changed, there is a trace that can be looked at, or a clear error."""
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "trace.pftrace"
    path.write_bytes(bytes(changed))
    with suppress(TracekitError):
        check(load(path))


def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables without an end are refused before they fill the memory, also where a small gzip becomes them."""
    monkeypatch.setattr(own_file, "_MOST_TABLE_BYTES", 1 << 20)
    piece = b"\x0a\x86\x80\x04\xe2\xea\x04\x80\x80\x04" + b" " * (1 << 16)
    path = tmp_path / "trace.pftrace"
    path.write_bytes(gzip.compress(piece * 100))
    with pytest.raises(TracekitError, match="holds more than"):
        load(path)
