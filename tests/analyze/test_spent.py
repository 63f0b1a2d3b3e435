"""Spent: sums by group, and how well they are known. Knows hand-made tracks of states, and no unit; times are in ms."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made_states import MS, lay_states

from tracekit.analyze.spent import LOOP, Spent
from tracekit.analyze.where import UNSEEN, Where
from tracekit.model.builder import Builder


def columns(*rows: tuple[int, ...]) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [np.array(column, np.int64) for column in zip(*rows)]


@pytest.fixture
def where() -> Where:
    """Two threads: one that ran for a second, one that slept for a second."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=2000 * MS)
    for number, state in enumerate(("running", "sleeping")):
        lay_states(builder, builder.thread(process, 10 + number, "thread"), (1000, state))
    return Where(builder.build())


def test_groups(where: Where) -> None:
    """What belongs to a group is added up over threads, in whatever order it comes, and what was recorded as well."""
    spent = Spent(where, 3)
    spent.seen(*columns((1, 0, 10 * MS, 0), (0, 0, 20 * MS, 0), (1, 20 * MS, 50 * MS, 2)))
    spent.known(LOOP, *columns((2, 5 * MS), (2, 6 * MS)))
    assert {kind: ns.tolist() for kind, ns in spent.ns.items() if ns.any()} == {
        "cpu": [20 * MS, 0, 0],
        "timer": [10 * MS, 0, 30 * MS],
        LOOP: [0, 0, 11 * MS],
    }
    assert (spent.total().tolist(), spent.count.tolist()) == ([30 * MS, 0, 41 * MS], [2, 0, 1])


def test_what_lies_inside_another(where: Where) -> None:
    """A stretch that is another group's is not the one's around it."""
    spent = Spent(where, 2)
    spent.seen(*columns((0, 0, 100 * MS, 0), (0, 40 * MS, 70 * MS, 1)), np.array([-1, 0]))
    assert spent.ns["cpu"].tolist() == [70 * MS, 30 * MS]


def test_confidence(where: Where) -> None:
    """Many looks at a stretch are sure, one look at each of many is not; the recorded is known, the unseen is not."""
    spent = Spent(where, 5)
    spent.seen(*columns((0, 0, 990 * MS, 0)))  # 99 looks at one stretch
    for start in range(0, 1000, 10):
        spent.seen(*columns((0, start * MS, (start + 1) * MS, 1)))  # a tenth of a look at each of a hundred
    spent.known(LOOP, *columns((2, 10 * MS)))
    spent.seen(*columns((1, 1000 * MS, 2000 * MS, 3)))  # nothing was seen of it
    assert spent.confidence().tolist() == pytest.approx([0.99, 1 / 11, 1, 0, 0])
    assert spent.looks().tolist() == pytest.approx([99, 10, 0, 0, 0])
    assert spent.ns[UNSEEN].tolist() == [0, 0, 0, 1000 * MS, 0]


def test_confidence_of_parts(where: Where) -> None:
    """Each part counts by how well it is known."""
    spent = Spent(where, 1)
    spent.seen(*columns((0, 990 * MS, 1010 * MS, 0)))  # one look, and then nothing
    spent.known(LOOP, *columns((0, 20 * MS)))
    assert spent.confidence().tolist() == pytest.approx([(20 + 10 / 2) / 40])
