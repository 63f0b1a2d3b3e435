"""Pairs: begins and ends -> slices, and slices that do not nest -> some that do and some that lie aside. Knows numbers only."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64

NAMELESS = -1


class Paired(NamedTuple):
    """What became of begins and ends, in the order of the rows of begins.

    Attributes:
        begin, end: the rows of each pair; `end` is -1 where none was found.
        lost: the rows of ends that have no begin.
    """

    begin: Int64
    end: Int64
    lost: Int64


def pair(line: Int64, time: Int64, is_end: NDArray[Any], name: Int64) -> Paired:
    """Finds the end of each begin: the innermost one of its name, on its line, in the order of time and then of the rows.

    Args:
        name: NAMELESS at an end: it ends the innermost that is open.
    """
    order = np.lexsort((time, line))
    begins: list[int] = []
    ends: list[int] = []
    lost: list[int] = []
    current = -1
    opened: list[int] = []
    by_name: defaultdict[int, list[int]] = defaultdict(list)
    closed: set[int] = set()  # of `opened`, not from its end
    names = name.tolist()

    def give_up() -> None:
        left = [row for row in opened if row not in closed]
        begins.extend(left)
        ends.extend([-1] * len(left))
        opened.clear()
        by_name.clear()
        closed.clear()

    for row, where, ending in zip(order.tolist(), line[order].tolist(), is_end[order].tolist()):
        if where != current:
            give_up()
            current = where
        if not ending:
            opened.append(row)
            by_name[names[row]].append(row)
            continue
        while opened and opened[-1] in closed:
            closed.remove(opened.pop())
        own = by_name[names[opened[-1]] if names[row] == NAMELESS and opened else names[row]]
        if not own:
            lost.append(row)
            continue
        begin = own.pop()
        if opened[-1] == begin:
            opened.pop()
        else:
            closed.add(begin)
        begins.append(begin)
        ends.append(row)
    give_up()
    in_order = np.argsort(np.array(begins, np.int64))
    return Paired(np.array(begins, np.int64)[in_order], np.array(ends, np.int64)[in_order], np.array(lost, np.int64))


def crowded(start: Int64, end: Int64, most: int) -> NDArray[np.bool_]:
    """Which slices begin while so many others of these are open.

    Args:
        start: in order.
    """
    ended = np.searchsorted(np.sort(end), start, side="right")
    found: NDArray[np.bool_] = np.arange(len(start)) - ended >= most
    return found


class Fitted(NamedTuple):
    """Which slices of a line go to a lane, and where the others end so that they nest; `cut` of them end earlier."""

    aside: NDArray[np.bool_]
    end: Int64
    cut: int


def fit(start: Int64, end: Int64, tolerance: int) -> Fitted:
    """Makes the slices of a line nest: one that sticks out of that around it by rounding is cut, by more it goes aside.

    Args:
        start, end: in the order of start, the longest first.
        tolerance: ns.
    """
    aside: list[int] = []
    ends = end.tolist()
    stack: list[int] = []
    cut = 0
    for row, begin in enumerate(start.tolist()):
        while stack and stack[-1] <= begin:
            stack.pop()
        stop = ends[row]
        if stack and stop > stack[-1]:
            if stop - stack[-1] > tolerance:
                aside.append(row)
                continue
            stop = ends[row] = stack[-1]
            cut += 1
        stack.append(stop)
    is_aside = np.zeros(len(start), np.bool_)
    is_aside[aside] = True
    return Fitted(is_aside, np.array(ends, np.int64), cut)
