"""Order: whether runs have their events in the same order. Knows sequences only, and no time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations, pairwise

from tracekit.rounds.run import Run

Sequences = Sequence[Sequence[Hashable]]


def sequence(run: Run) -> list[tuple[str, int, str]]:
    """What began and ended, one after the other; without the polls, of which there are more the longer a run lasts."""
    return [(task, step, what) for _, task, step, what in run.events]


def same_order(sequences: Sequences) -> float | None:
    """The share of pairs that are alike, 0..1; None where there is no pair."""
    alike = [list(one) == list(other) for one, other in combinations(sequences, 2)]
    return sum(alike) / len(alike) if alike else None


def disorder(sequences: Sequences) -> float | None:
    """The share of neighbours that another sequence has the other way round, on average over all pairs; None without a pair.

    Each event stands once in a sequence; what only one of the two has is left out.
    """
    shares = [_turned_round(one, other) for one, other in combinations(sequences, 2)]
    return sum(shares) / len(shares) if shares else None


def _turned_round(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    places = {event: place for place, event in enumerate(other)}
    common = [places[event] for event in one if event in places]
    turned = [first > second for first, second in pairwise(common)]
    return sum(turned) / len(turned) if turned else 0.0
