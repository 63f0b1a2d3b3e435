"""Texts: those of many records at once, out of their details. Knows what spool/texts.py says of one, and no record's meaning."""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.model.columns import numbers
from tracekit.model.trace import Int64
from tracekit.spool.records import ThreadRecords
from tracekit.spool.texts import readable

_FIRST = 8  # bytes of a text in its first detail, and in each further one
_MORE = 15


def read(records: ThreadRecords, details: Int64) -> dict[int, str]:
    """The text of each detail that begins one, by its place in `details`.

    Args:
        details: the positions of details whose records are known.
    """
    kind = records.kind[details]
    first = (kind == events.ARG_TEXT) | (kind == events.NAME)
    if not first.any():
        return {}
    # What goes on belongs to a text only where all that stands between the two goes on as well.
    places = np.arange(len(details))
    begin = np.maximum.accumulate(np.where(kind != events.MORE, places, -1))
    goes_on = (kind == events.MORE) & (begin >= 0) & first[begin]
    goes_on &= details - details[begin] == places - begin
    which = np.flatnonzero(first | goes_on)
    data, ends = _bytes(records, details[which], first[which])
    at = which[first[which]]
    starts = (ends - np.where(first[which], _FIRST, _MORE))[first[which]]
    there = np.concatenate((starts[1:], ends[-1:])) - starts
    length = records.b[details[at]].astype(np.int64)
    stops = starts + np.minimum(length, there)
    columns = (at, starts, stops, length > there)
    return {place: readable(data[start:stop], cut) for place, start, stop, cut in numbers(*columns)}


def _bytes(
    records: ThreadRecords, which: Int64, first: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[bytes, Int64]:
    """The bytes of these details, one after another, and where those of each one end."""
    words = np.empty((len(which), 2), "<u8")
    words[:, 0] = records.time[which]
    words[:, 1] = records.a[which].astype(np.uint64) | records.b[which].astype(np.uint64) << np.uint64(24)
    kept = np.ones((len(which), 16), np.bool_)
    kept[:, _MORE:] = False
    kept[first, _FIRST:] = False
    return words.view(np.uint8).reshape(-1, 16)[kept].tobytes(), np.cumsum(np.where(first, _FIRST, _MORE))
