"""Found: what one look at a trace adds to its counsel. Knows neither who looks nor for what."""

from __future__ import annotations

from typing import NamedTuple

from tracekit.predict.counsel import Advice

# Of gain: less nobody notices.
LEAST_NS = 5_000_000
LEAST_SHARE = 0.03  # of the program's time


class Found(NamedTuple):
    """In the words of counsel.Counsel."""

    advice: list[Advice]
    fine: list[str]
    unknown: list[str]

    def add(self, other: Found) -> None:
        """Adds what another look found."""
        self.advice.extend(other.advice)
        self.fine.extend(other.fine)
        self.unknown.extend(other.unknown)
