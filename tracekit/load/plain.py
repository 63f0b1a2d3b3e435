"""Plain: which steps and callbacks of a thread are plain, so that nothing else runs within them. Knows kinds of records, and
neither tasks nor loops.

Nearly all are. Those that are can be read in columns, all at once; only the others need a stack.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from tracekit import events
from tracekit.load.image import Log
from tracekit.model.columns import of_kinds
from tracekit.model.trace import Int32, Int64

TURNS = (events.STEP_BEGIN, events.CALLBACK_BEGIN)
# What is no turn of a loop, but may run in one.
_WITHIN = (events.GC_BEGIN, events.LOCK_WAIT, events.JOB_BEGIN, events.REMOTE_JOB_BEGIN)
_BEGIN_OF = np.zeros(256, np.uint8)
for _event in events.TABLE:
    _BEGIN_OF[_event.kind] = _event.ends


class Turns(NamedTuple):
    """The steps and callbacks of a thread: where each begins, and where it ends if it is plain, else -1."""

    begin: Int32
    end: Int32


def find_turns(log: Log, stacked: Collection[int]) -> Turns:
    """The turns of a thread.

    Args:
        stacked: the kinds of all records that begin or end something.
    """
    begin = np.flatnonzero(of_kinds(log.kind, TURNS)).astype(np.int32)
    where = np.flatnonzero(of_kinds(log.kind, stacked)).astype(np.int32)
    # What begins and ends at once within a turn leaves everything as it was.
    within = _pairs(log, where, _WITHIN)
    left = np.ones(len(where), np.bool_)
    left[within], left[within + 1] = False, False
    where = where[left]
    plain = _pairs(log, where, TURNS)
    end = np.full(len(begin), -1, np.int32)
    end[np.searchsorted(begin, where[plain])] = where[plain + 1]
    return Turns(begin, end)


def _pairs(log: Log, where: Int32, kinds: Collection[int]) -> Int64:
    """The places in `where` at which something of these kinds begins whose end is at the next one."""
    kind, serial = log.kind[where], log.b[where]
    collection = (kind == events.GC_BEGIN) | (kind == events.GC_END)
    serial[collection] = log.a[where[collection]]
    serial[(kind == events.CALLBACK_BEGIN) | (kind == events.CALLBACK_END)] = 0
    ends = (_BEGIN_OF[kind[1:]] == kind[:-1]) & (serial[1:] == serial[:-1]) & of_kinds(kind[:-1], kinds)
    return np.flatnonzero(ends)
