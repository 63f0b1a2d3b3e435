"""Rows of the picture of lanes: how high they are, which are drawn, and what lies on them. Knows one comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.analyze import words
from tracekit.export._markup import Markup, each, element, shortened
from tracekit.export._thinned import thinned
from tracekit.rounds.comparison import Comparison, Lane, Part, Row

_HEIGHT = 760  # what all rows share
_HIGHEST, _LEGIBLE, _LOWEST = 15.0, 12.0, 2.0
_MOST_SLICES = 8000
_POLL = 9.0  # a poll's row is never lower: how late it was is what many look for
_NAMES, _MODELS = 128, 188  # widths of the columns of names
_LATE_S = 0.010  # a poll that is later than this is late
_WORDS = {"compute": "computing", "io": "waiting for I/O", "sleep": "sleeping"}


class Plan:
    """Where things stand.

    Attributes:
        left: where time 0 lies.
        last: the end of the time axis, in seconds.
        height: of a row.
        named: whether rows are high enough for the names of tasks.
    """

    def __init__(self, comparison: Comparison, left: float, right: float) -> None:
        rows = comparison.measured
        lanes = sum(len(row.lanes) for row in rows)
        self._most = max(4, int(_HEIGHT / _LOWEST / max(len(rows), 1)))
        self.height = min(_HIGHEST, max(_LOWEST, _HEIGHT / max(lanes, 1)))
        self.named = self.height >= _LEGIBLE
        self.left = left + _MODELS + (_NAMES if self.named else 0)
        self._right = right - 8
        self.last = max((self.end(row) for row in rows), default=0.0)
        self.slices = max(40, _MOST_SLICES // max(min(lanes, self._most * len(rows)), 1))

    def x(self, time: float) -> float:
        """Where a time lies."""
        return self.left + time * self._scale

    def height_of(self, lane: Lane) -> float:
        """How high its row is."""
        return max(self.height, _POLL) if lane.is_poll else self.height

    @property
    def pixel(self) -> float:
        """How long half a unit of the picture is, in seconds: what is drawn twice as large can still show that."""
        return 0.5 / self._scale

    @property
    def _scale(self) -> float:
        return (self._right - self.left) / self.last if self.last > 0 else 1.0

    def end(self, row: Row) -> float:
        """When a model's run that is drawn was over: the median one, or what lies beyond it."""
        ends = [end for lane in row.lanes for _, end, _, _ in lane.parts]
        return max([row.wall_s or 0.0, *ends])

    def lanes(self, row: Row) -> list[Lane]:
        """The lanes that are drawn: all of them, or as many as there is room for, polls among them."""
        polls = [lane for lane in row.lanes if lane.is_poll]
        tasks = [lane for lane in row.lanes if not lane.is_poll]
        room = max(self._most - len(polls), 1)
        return [*_spread(tasks, room), *polls[: self._most]]


def rows_of(row: Row, plan: Plan, y: float) -> Markup:
    """All rows of a model, the first one at `y`."""
    drawn = []
    for lane in plan.lanes(row):
        drawn.append(_lane(lane, plan, y))
        y += plan.height_of(lane)
    return each(drawn)


def is_late(part: Part) -> bool:
    """Whether it is a look of a poll that came late."""
    begin, end, kind, _ = part
    return kind == "poll" and end - begin > _LATE_S


def _spread(lanes: Sequence[Lane], most: int) -> list[Lane]:
    """As many of the lanes, evenly taken."""
    if len(lanes) <= most:
        return list(lanes)
    return [lanes[number * len(lanes) // most] for number in range(most)]


def _lane(lane: Lane, plan: Plan, y: float) -> Markup:
    name = None
    if plan.named:
        middle = y + plan.height_of(lane) / 2 + 4
        name = element(
            "text", shortened(lane.task, 19), class_="task", x=plan.left - 8, y=f"{middle:.1f}", text_anchor="end"
        )
    polls = [part for part in lane.parts if part[2] == "poll"]
    parts = [part for part in lane.parts if part[2] != "poll"]
    return element("g", name, *_slices(lane.task, parts, plan, y), *_looks(polls, plan, y, plan.height_of(lane)))


def _slices(task: str, parts: Sequence[Part], plan: Plan, y: float) -> list[Markup]:
    if not parts:
        return []
    parts = sorted(parts, key=lambda part: part[0])
    begin, end = np.array([part[0] for part in parts]), np.array([part[1] for part in parts])
    shown = thinned(begin, end, plan.pixel, plan.slices)
    drawn = []
    for start, stop, longest, count in zip(shown.begin, shown.end, shown.longest, shown.count):
        _, _, kind, step = parts[int(longest)]
        if count > 1:
            said = f"{task}: {count} steps"
        else:
            said = f"{task}: {step or kind}, {_WORDS.get(kind, kind)}, {_duration(float(stop - start))}"
        drawn.append(_bar(kind, float(start), float(stop), plan, y, said))
    return drawn


def _bar(kind: str, start: float, stop: float, plan: Plan, y: float, said: str) -> Markup:
    """What sleeps is flat: nothing of the machine is in use."""
    full = max(plan.height - (3 if plan.height >= 8 else 1), 1.5)
    height = full * (0.4 if kind == "sleep" else 1.0)
    left, right = plan.x(start), plan.x(stop)
    return element(
        "rect",
        element("title", said),
        class_=kind if kind in _WORDS else "io",
        x=f"{left:.2f}",
        y=f"{y + (plan.height - height) / 2:.2f}",
        width=f"{max(right - left, 0.75):.2f}",
        height=f"{height:.2f}",
        rx=1.5 if right - left > 6 and height > 5 else None,
    )


def _looks(parts: Sequence[Part], plan: Plan, y: float, height: float) -> list[Markup]:
    """Each time that a poll was looked at; where it was late, also from when it was due."""
    drawn = []
    for due, looked, _, name in _told_apart(parts, plan):
        late = looked - due
        if is_late((due, looked, "poll", name)):
            said = f"{name}: {_duration(late)} late"
            drawn.append(_bar_of_poll("late", plan.x(due), plan.x(looked), y, height, said))
        said = f"{name}: {_duration(max(late, 0))} late"
        drawn.append(_bar_of_poll("poll", plan.x(looked) - 1, plan.x(looked) + 1, y, height, said))
    return drawn


def _bar_of_poll(kind: str, left: float, right: float, y: float, row: float, said: str) -> Markup:
    height = (row - 3) * (0.55 if kind == "late" else 1.0)
    top = y + (row - height) / 2
    return element(
        "rect",
        element("title", said),
        class_=kind,
        x=f"{left:.2f}",
        y=f"{top:.2f}",
        width=f"{max(right - left, 0.75):.2f}",
        height=f"{height:.2f}",
    )


def _told_apart(parts: Sequence[Part], plan: Plan) -> list[Part]:
    """The looks that do not fall onto each other, the latest of those that do, and no more than may be drawn."""
    pixel = 4 * plan.pixel
    while True:
        kept: dict[int, Part] = {}
        for part in parts:
            cell = int(part[1] // pixel)
            if cell not in kept or part[1] - part[0] > kept[cell][1] - kept[cell][0]:
                kept[cell] = part
        if len(kept) <= plan.slices:
            return [kept[cell] for cell in sorted(kept)]
        pixel *= 2


def _duration(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
