"""Spent: adds up, group by group, where time went, and how well that is known. Knows stretches of time, and not what they are.

Some of it was recorded to the nanosecond (when a task was ready, and for how long it awaited what); the rest is what was seen of
a thread at looks from outside, some milliseconds apart. What lies between two looks is known as a sum, not in its order: where a
stretch begins or ends, up to one look's worth of what it is said to have done may be what was done before or after it.
"""

from __future__ import annotations

import numpy as np

from tracekit.analyze.where import ALL, UNSEEN, Where
from tracekit.model.columns import distinct
from tracekit.model.trace import Float64, Int64

LOOP, TASK, JOB = "loop", "task", "job"
_LENGTH, _LOOKS = "length", "looks"
SHARES = (*(kind for kind in ALL if kind != UNSEEN), LOOP, TASK, JOB, UNSEEN)


class Spent:
    """Where the time of some groups went.

    Args:
        where: of the trace.
        groups: how many there are; what is added says by number which one it belongs to.

    Attributes:
        ns: of each of SHARES a column, by group.
        count: how many stretches were added to each.
    """

    def __init__(self, where: Where, groups: int) -> None:
        self._where = where
        self._groups = groups
        self._sums = {kind: np.zeros(groups) for kind in (*SHARES, _LENGTH, _LOOKS)}
        self.ns = {kind: self._sums[kind] for kind in SHARES}
        self.count = np.zeros(groups)

    def seen(self, thread: Int64, start: Int64, end: Int64, group: Int64, without: Int64 | None = None) -> None:
        """Adds stretches of threads, as they were seen from outside.

        Args:
            without: the groups that do not get a stretch although they did get one that it lies in; -1 for none.
        """
        columns = self._columns(thread, start, end)
        inside = np.flatnonzero(without >= 0) if without is not None else np.zeros(0, np.int64)
        for kind, column in columns.items():
            total = self._sum(group, column)
            if without is not None:
                total -= self._sum(without[inside], column[inside])
            self._sums[kind] += total
        self.count += np.bincount(group, minlength=self._groups)

    def _columns(self, thread: Int64, start: Int64, end: Int64) -> dict[str, Int64 | Float64]:
        """Of each stretch where it went, how long it was, and how many looks at it there were."""
        columns: dict[str, Int64 | Float64] = {kind: np.zeros(len(thread), np.int64) for kind in ALL}
        columns[_LENGTH], columns[_LOOKS] = end - start, np.zeros(len(thread))
        order = np.argsort(thread, kind="stable")
        threads = distinct(thread)
        for index, own in zip(threads.tolist(), np.split(order, np.searchsorted(thread[order], threads[1:]))):
            for kind, column in self._where.many(index, start[own], end[own]).items():
                columns[kind][own] = column
            seen = columns[_LENGTH][own] - columns[UNSEEN][own]
            columns[_LOOKS][own] = seen / self._where.apart(index)
        return columns

    def known(self, kind: str, group: Int64, ns: Int64) -> None:
        """Adds time that was recorded."""
        self.ns[kind] += self._sum(group, ns)

    def total(self) -> Float64:
        """Of each group all that was added, in ns."""
        found: Float64 = np.maximum(sum(self.ns.values()), 0.0)
        return found

    def looks(self) -> Float64:
        """How many looks from outside are behind what is said of each group."""
        found: Float64 = np.maximum(self._sums[_LOOKS], 0.0)
        return found

    def confidence(self) -> Float64:
        """How far the shares of each group are to be trusted, 0 to 1.

        Each part of the time counts by how well it is known: what was recorded by 1, what was not seen by 0, and what was seen
        from outside by N / (N + n), for N looks at n stretches: a half where each stretch got one look, nearly all where each
        got hundreds.
        """
        total, unseen = self.total(), np.maximum(self.ns[UNSEEN], 0)
        looked_at = np.clip(self._sums[_LENGTH], 0, total)
        seen = np.clip(looked_at - unseen, 0, None)
        looks = self.looks()
        trust = looks / np.maximum(looks + self.count, 1e-9)
        recorded = np.clip(total - np.maximum(looked_at, unseen), 0, None)
        found: Float64 = (recorded + seen * trust) / np.maximum(total, 1)
        return found

    def _sum(self, group: Int64, ns: Int64 | Float64) -> Float64:
        found: Float64 = np.bincount(group, ns, self._groups).astype(np.float64)
        return found
