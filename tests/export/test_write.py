"""Write: the name of a file decides what stands in it. Knows names and first bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracekit.errors import TracekitError
from tracekit.export.write import WRITERS, write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, Trace, TrackKind
from tracekit.spool.directory import OUTPUTS


def _trace() -> Trace:
    builder = Builder("program.py")
    thread = builder.thread(builder.process(7, "program"), 7, "MainThread", main=True)
    builder.slice(builder.track(TrackKind.THREAD, thread), 5, 100, "MainThread", Category.THREAD)
    builder.sample(thread, 10, builder.frame(-1, "main", "main.py", 3), SampleState.GIL, SampleSource.SAMPLER)
    return builder.build()


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("a.json", b'{"traceEvents":['),
        ("a.json.gz", b"\x1f\x8b"),
        ("a.pftrace", b"\n"),
        ("a.pftrace.gz", b"\x1f\x8b"),
        ("a.speedscope.json", b'{"$schema":"https://www.speedscope.app/'),
    ],
)
def test_name_decides(name: str, beginning: bytes, tmp_path: Path) -> None:
    """Each ending has its format; the longest one that fits counts."""
    write(_trace(), [], tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(beginning)


def test_name_of_no_format(tmp_path: Path) -> None:
    """A name that asks for no format is an error that lists those there are."""
    with pytest.raises(TracekitError, match=r"trace\.txt names no format.*\.json, .*\.pftrace"):
        write(_trace(), [], tmp_path / "trace.txt")


def test_sessions_may_become_what_can_be_written() -> None:
    """Whatever ending a session's output may have, there is a writer for it."""
    assert set(OUTPUTS) <= set(WRITERS)
