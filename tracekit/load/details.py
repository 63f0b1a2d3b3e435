"""Details: what follows records, in columns, found by the record's slot. Knows no meaning, and no bytes.

A recording may hold millions of them, so none is an object before it is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from tracekit.model.columns import distinct
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
        self._parts: list[tuple[Int64, ...]] = []
        self._texts: dict[int, str] = {}
        self._count = 0
        self._slot, self._kind, self._a, self._at = array("q"), array("q"), array("q"), array("q")
        self._payload = array("Q")

    def add(self, slot: Int64, kind: Int64, a: Int64, payload: Int64, texts: dict[int, str]) -> None:
        """Adds columns of details; `texts` are those of some of them, by their places in the columns."""
        self._parts.append((slot, kind, a, payload.astype(np.uint64)))
        self._texts.update((self._count + at, text) for at, text in texts.items())
        self._count += len(slot)

    def seal(self) -> None:
        """All have been added."""
        if not self._parts:
            return
        slot, kind, a, payload = (np.concatenate(column) for column in zip(*self._parts))
        self._parts.clear()
        order = np.argsort(slot, kind="stable")
        for name, column in (("_slot", slot), ("_kind", kind), ("_a", a), ("_at", np.arange(len(order)))):
            setattr(self, name, array("q", column[order].astype(np.int64).tobytes()))
        self._payload = array("Q", payload[order].tobytes())

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

    def slots(self) -> Int64:
        """The slots of all records that have details, in order."""
        return distinct(np.array(self._slot, np.int64))
