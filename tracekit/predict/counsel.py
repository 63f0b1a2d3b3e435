"""Counsel: what a trace advises to change, as rows. Knows neither how it is found nor how to show it. Times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tracekit.predict.parts import Prediction

Confidence = Literal["high", "medium", "low"]
SURE_FIRST: tuple[Confidence, ...] = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Hot:
    """Where the time goes that could be saved.

    Attributes:
        name: what the program calls it: a function, threads of one name, a lock.
        kind: of work, in words (analyze/work_kinds.py), as far as it is known.
        seconds: that it took in all; `share` is its part of the whole program's time, more than 1 where it went on side by side.
    """

    name: str
    file: str
    line: int
    kind: str
    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation.

    Attributes:
        now: the model that the program ran under; `model`: the one that is recommended for this spot, "" where none helps.
        change: what to change.
        wall_before_s: as traced; `wall_after_s` is what it would take. None: nothing could be told of it, as of the gain.
        gain_s, gain_low_s, gain_high_s: of the whole program's time, and between what it lies likely.
        late_before_s, late_after_s: how long whoever was due waited at worst; None: nobody is known to have waited.
        costs: what the change costs: memory, complexity, contention; a sentence each.
        why: one or two sentences, what shows it.
        to_be_sure: what to record, or look at, where that would tell more; "" where nothing would.
    """

    hot: Hot
    now: str
    model: str
    change: str
    why: str
    confidence: Confidence
    wall_before_s: float | None = None
    wall_after_s: float | None = None
    gain_s: float | None = None
    gain_low_s: float | None = None
    gain_high_s: float | None = None
    late_before_s: float | None = None
    late_after_s: float | None = None
    costs: tuple[str, ...] = ()
    to_be_sure: str = ""

    @property
    def worth(self) -> float:
        """Seconds that somebody need no longer wait; sorts advice."""
        late = (self.late_before_s or 0.0) - (self.late_after_s or 0.0)
        return max(self.gain_s or 0.0, late)


@dataclass(frozen=True, slots=True)
class Counsel:
    """All that a trace advises.

    Attributes:
        now: the model that the program ran under, "" where that is not known.
        advice: that which brings most first.
        fine: what is right as it is, a sentence each.
        unknown: what cannot be told, and what to record to tell it; a sentence each.
        bound: what bounds the time now: seconds of the longest chain of work by what they went into.
        models: what the whole work would take under the model that it ran under, and those that it might be changed to; by name.
        notes: what was taken for granted; a sentence each.
    """

    program: str
    wall_s: float
    now: str
    cores: int
    advice: tuple[Advice, ...] = ()
    fine: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    bound: dict[str, float] = field(default_factory=dict)
    models: dict[str, Prediction] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
