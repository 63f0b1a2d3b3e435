"""What a trace says of itself: each thing that is missing, in a sentence. Knows no slice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.model.trace import Trace
from tracekit.spool import layout


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"ended": layout.ENDED_NOT}, "process 100 (app.py) ended without a last word"),
        ({"ended": layout.ENDED_NO_SPACE}, "process 100 (app.py) stopped recording because the disk"),
        ({"ended": layout.ENDED_MAX_SIZE}, "process 100 (app.py) stopped recording at the session's largest size"),
        ({"ended": layout.ENDED_ERROR}, "because tracekit failed"),
        ({"dropped": 12}, "process 100 (app.py): records that found no room and are missing: at most 12"),
    ],
)
def test_how_a_recording_ended(header: dict[str, int], words: str, loaded: Callable[..., Trace]) -> None:
    """Each end but the normal one is told, and so are records that were lost."""
    spool = SpoolWriter(**header)
    spool.record(10, events.PROCESS_BEGIN, "app.py")
    assert any(words in note for note in loaded(spool).notes)


def test_a_normal_end_needs_no_word(loaded: Callable[..., Trace]) -> None:
    """A recording that lacks nothing has no note, but for the session.json that this one has not."""
    spool = SpoolWriter()
    spool.record(10, events.PROCESS_BEGIN, "app.py")
    assert len(loaded(spool).notes) == 1


def test_many_processes_are_one_sentence(loaded: Callable[..., Trace]) -> None:
    """Eight killed workers are told in one sentence that names some of them."""
    spools = [SpoolWriter(pid, ended=layout.ENDED_NOT) for pid in range(100, 108)]
    for spool in spools:
        spool.record(10, events.PROCESS_BEGIN, "worker")
    notes = [note for note in loaded(*spools).notes if "without a last word" in note]
    assert len(notes) == 1
    assert notes[0].startswith("8 processes (100 (worker), ")
    assert "3 more" in notes[0]


def test_what_a_process_said_itself(loaded: Callable[..., Trace]) -> None:
    """Notes that were recorded, names that are missing and records of no known kind are told."""
    spool = SpoolWriter()
    spool.record(10, events.PROCESS_BEGIN, "app.py")
    spool.record(11, events.NOTE, "the hook for locks removed itself")
    spool.record(12, events.INSTANT, 999)
    spool.record(13, 199)
    notes = "\n".join(loaded(spool).notes)
    assert "process 100 (app.py): the hook for locks removed itself" in notes
    assert "names that are missing, shown as (name missing): 1" in notes
    assert "no kind that this version knows, left out: 1" in notes
