"""Pace: how long to wait between two looks at a session. Knows what the looks cost, and not what they see.

However many processes and threads record, looking at them takes a small share of one processor.
"""

from __future__ import annotations

import time

_SHARE = 0.05  # of a processor
_WEIGHT = 0.125  # of the latest look in the average; one that takes long by chance makes nobody blind
_LONGEST = 1.0  # seconds


class Pace:
    """The pauses of the thread that looks.

    Args:
        interval: seconds between two looks, where they cost little.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._took = 0.0  # seconds of processor time, a look on average
        self._spent = time.thread_time()

    def pause(self) -> float:
        """How many seconds to wait now, after a look."""
        spent = time.thread_time()
        self._took += (spent - self._spent - self._took) * _WEIGHT
        self._spent = spent
        return max(self._interval, min(_LONGEST, self._took / _SHARE))
