"""The clock of calls: turns the times of viztracer's clock into those of a recording. Knows readings of both, and no call.

Both count the same ticks, but viztracer measures how fast they go in a tenth of a second, once for each program: it is off by
some 10 ppm, and by some 50 us from the beginning. So it is read where the recording's own clock is: each record of a
reading lies between that reading and the next one. Of a dozen in a row the tightest tell how far the clocks are apart, at the
beginning and at the end; between these the difference grows evenly, because the ticks are the same.
"""

from __future__ import annotations

import numpy as np

from tracekit import events
from tracekit.load.image import Image, Log
from tracekit.model.trace import Float64, Int64

_FAR = 10_000_000  # ns between two rows from which the rate is taken beyond them as well


class CallsClock:
    """The readings of one image.

    Attributes:
        was_read: there are any.
        written: how often calls were written down, or were to be.
        in_part: viztracer was asked to leave some out.
        first, last: when it was first read, and last; 0 where it was not.
        error: ns by which a time may be wrong.
        threads: the index of the log of each thread that viztracer knows by another tid.
    """

    def __init__(self, image: Image) -> None:
        rows = sorted(row for log in image.logs for row in _rows(image, log))
        self.was_read = len(rows) > 0
        why = [log.a[log.kind == events.CALLS_CLOCK] for log in image.logs]
        self.written = sum(int((each >= events.CALLS_WRITTEN).sum()) for each in why)
        self.in_part = any(bool((each == events.CALLS_WRITTEN_IN_PART).any()) for each in why)
        self._theirs, self._apart, half = np.array(rows, np.float64).reshape(-1, 3).T
        self.error = int(np.ceil(half.max())) if rows else 0
        times = [log.time[log.kind == events.CALLS_CLOCK] for log in image.logs]
        self.first = min((int(each.min()) for each in times if len(each)), default=0)
        self.last = max((int(each.max()) for each in times if len(each)), default=0)
        self.threads = {
            int(tid): log.index
            for log in image.logs
            for tid in np.unique(log.b[log.kind == events.CALLS_CLOCK])
            if int(tid) != log.tid
        }

    def ns(self, times: Int64) -> Int64:
        """Times of viztracer's as those of the recording."""
        return times + np.rint(self._difference(times.astype(np.float64))).astype(np.int64)

    def _difference(self, times: Float64) -> Float64:
        theirs, apart = self._theirs, self._apart
        found: Float64 = np.interp(times, theirs, apart)
        if theirs[-1] - theirs[0] >= _FAR:
            rate = (apart[-1] - apart[0]) / (theirs[-1] - theirs[0])
            found += rate * (np.maximum(times - theirs[-1], 0) + np.minimum(times - theirs[0], 0))
        return found


def _rows(image: Image, log: Log) -> list[tuple[float, float, float]]:
    """Rows of readings: viztracer's time, how far ours is ahead of it, and how well that is known."""
    which = np.flatnonzero(log.kind == events.CALLS_CLOCK)
    readings, there = image.details.payloads(log.slot[which], events.READING)
    which, theirs = which[there], readings[there].astype(np.int64)
    ours = log.time[which]
    breaks = np.flatnonzero(log.a[which] > 0)
    return [
        _row(own, their)
        for own, their in zip(np.split(ours, breaks), np.split(theirs, breaks))
        if len(own) > 1  # one alone has no bound
    ]


def _row(ours: Int64, theirs: Int64) -> tuple[float, float, float]:
    """Each record lies after its own reading and before the next one."""
    most, least = int((ours - theirs).min()), int((ours[:-1] - theirs[1:]).max())
    return float(theirs.mean()), (most + least) / 2, abs(most - least) / 2
