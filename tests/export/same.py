"""Same: whether a trace that was read from a file is the one that was written to it. Knows rows and columns, and no format."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from tracekit.export._plain import clean, plain
from tracekit.model.trace import Trace


def assert_same(read: Trace, written: Trace) -> None:
    """Fails unless a trace that was read is the one that was written, but for the characters that are replaced."""
    for name in ("processes", "threads", "loops", "tasks", "tracks", "states"):
        before, after = getattr(written, name), getattr(read, name)
        assert len(before) == len(after)
        for old, new in zip(before, after):
            assert {f.name: plain(getattr(old, f.name)) for f in fields(old)} == {
                f.name: getattr(new, f.name) for f in fields(new)
            }
    for name in ("slices", "instants", "counters", "flows", "frames", "samples"):
        before, after = getattr(written, name), getattr(read, name)
        for field in fields(before):
            old, new = getattr(before, field.name), getattr(after, field.name)
            assert old.dtype == new.dtype
            np.testing.assert_array_equal(old, new)
    assert read.strings == [clean(text) for text in written.strings]
    assert read.args == [plain(args) for args in written.args]
    assert read.notes[: len(written.notes)] == [clean(note) for note in written.notes]
    assert (read.program, read.cores, read.wall_start, read.duration, read.exit_status) == (
        clean(written.program),
        written.cores,
        written.wall_start,
        written.duration,
        written.exit_status,
    )
