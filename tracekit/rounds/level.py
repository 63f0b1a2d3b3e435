"""Level: whether a model is as fast as the best one, or may be, as the rounds tell. Knows measured rows, and no prediction."""

from __future__ import annotations

from tracekit.rounds.comparison import Row
from tracekit.rounds.statistics import interval, median
from tracekit.rounds.weighing import ratios

TIE = 0.05  # of the wall time: who is no slower than that is as good as the best
_ENOUGH = 5  # rounds


def is_within(best: Row, row: Row) -> bool:
    """Whether a model's median is no more than TIE above that of the best, be they told apart or not."""
    return row.wall_s is not None and best.wall_s is not None and row.wall_s <= best.wall_s * (1 + TIE)


def is_untold(best: Row, row: Row) -> bool:
    """Whether a model's median is above that, and the rounds still do not tell whether it is slower."""
    return is_level(best, row) and not is_within(best, row)


def is_level(best: Row, row: Row) -> bool:
    """Whether a model may be as fast as the best: the rounds do not tell them apart, or hardly."""
    gain = ratios(best.walls, row.walls)
    if not gain:
        return False
    low, _ = interval(gain) or (median(gain), 0.0)
    # A few rounds agree by chance: two of them do in every second case in which there is nothing to agree on.
    hardly = TIE / 5 if len(gain) >= _ENOUGH else TIE
    return low <= 1 or median(gain) <= 1 + hardly
