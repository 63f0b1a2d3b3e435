"""Details: what follows records, in columns, found by the record's slot. Knows no meaning, and no bytes.

A recording may hold millions of them, so none is an object before it is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.columns import distinct, of_kinds, sorted_places
from tracekit.model.trace import Int64


class Detail(NamedTuple):
    """A detail of a record: its kind, field `a` and payload; of an ARG_TEXT its text as well."""

    kind: int
    a: int
    payload: int
    text: str = ""


class Details:
    """The details of all records of an image. All are added before any is asked for."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._texts: dict[int, str] = {}
        self._count = 0
        self._slot, self._kind, self._a, self._at = array("q"), array("B"), array("I"), array("q")
        self._payload = array("Q")

    def add(
        self, slot: Int64, kind: NDArray[Any], a: NDArray[Any], payload: NDArray[Any], texts: dict[int, str]
    ) -> None:
        """Adds columns of details; `texts` are those of some of them, by their places in the columns."""
        self._parts.append((slot, kind.astype(np.uint8), a.astype(np.uint32), payload.astype(np.uint64)))
        self._texts.update((self._count + at, text) for at, text in texts.items())
        self._count += len(slot)

    def seal(self) -> None:
        """All have been added."""
        if not self._parts:
            return
        slot, kind, a, payload = (np.concatenate(column) for column in zip(*self._parts))
        self._parts.clear()
        order = np.argsort(slot, kind="stable")
        self._slot, self._kind = array("q", slot[order].tobytes()), array("B", kind[order].tobytes())
        self._a, self._payload = array("I", a[order].tobytes()), array("Q", payload[order].tobytes())
        if self._texts:
            self._at = array("q", order.astype(np.int64).tobytes())

    def of(self, slot: int) -> list[Detail]:
        """The details of the record at a slot, in their order."""
        slots = self._slot
        at = bisect_left(slots, slot)
        found = []
        while at < len(slots) and slots[at] == slot:
            text = self._texts.get(self._at[at], "") if self._texts else ""
            found.append(Detail(self._kind[at], self._a[at], self._payload[at], text))
            at += 1
        return found

    def first(self, slot: int, kind: int) -> Detail | None:
        """The first detail of a kind that the record at a slot has."""
        for detail in self.of(slot):
            if detail.kind == kind:
                return detail
        return None

    def payloads(self, slots: Int64, kind: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The payload of the last detail of a kind that each of these records has, or 0; and which of them have one."""
        mine = np.flatnonzero(np.frombuffer(self._kind, np.uint8) == kind)
        owners = np.frombuffer(self._slot, np.int64)[mine]
        at, found = sorted_places(owners, slots)
        payloads = np.zeros(len(slots), np.uint64)
        payloads[found] = np.frombuffer(self._payload, np.uint64)[mine[at[found]]]
        return payloads, found

    def slots(self, kinds: Collection[int]) -> Int64:
        """The slots of all records that have details of these kinds, in order."""
        return distinct(np.array(self._slot, np.int64)[of_kinds(np.array(self._kind, np.uint8), kinds)])
