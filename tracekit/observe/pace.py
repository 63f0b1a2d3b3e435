"""Pace: how long to wait between two looks at a session. Knows what the looks cost, and not what they see.

However many processes and threads there are, looking at them takes a small share of one processor: less often then.
"""

from __future__ import annotations

import time
from collections import deque

_SHARE = 0.05  # of a processor,
_SHARE_AT_1_KHZ = 0.15  # and for looks that follow each other as fast as can be
_LOOKS = 8  # what the latest of them cost on average,
_APART = 2  # but for the dearest: what is done once (opening files, loading modules), or took long by chance, makes nobody blind
_LONGEST = 1.0  # seconds


class Pace:
    """The pauses of the thread that looks.

    Args:
        interval: seconds from one look to the next, where they cost little.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._share = max(_SHARE, _SHARE_AT_1_KHZ * 0.001 / interval)
        self._took: deque[float] = deque(maxlen=_LOOKS)  # seconds of processor time
        self._spent = time.thread_time()
        self._due = time.monotonic()

    def pause(self) -> float:
        """How many seconds to wait now, after a look."""
        spent = time.thread_time()
        self._took.append(spent - self._spent)
        self._spent = spent
        now = time.monotonic()
        # To the beat, so that the time that a look and waking up take does not make looks rarer.
        self._due = max(self._due + self._interval, now + min(_LONGEST, self._cost() / self._share))
        return self._due - now

    def _cost(self) -> float:
        """Of a look, in seconds; 0 where it is so little that there is nothing to think about."""
        if max(self._took) <= self._interval * self._share:
            return 0.0
        usual = sorted(self._took)[:-_APART]
        return sum(usual) / len(usual) if usual else 0.0
