"""Bundles: work of very many strands as fewer, so that simulating it ends soon. Knows no trace, and not how it is simulated.

Alike strands that follow each other become one, with all that they need; what it costs to begin one, or to pass it on, is then
that many times as much.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil

from tracekit.predict.machine import Machine
from tracekit.predict.parts import Kind, Passing, Piece, StepOf, Strand, Work

_FEW = 1000  # strands that are simulated one by one
_WANTED = 400
_EACH = ("job_ns", "step_ns")  # what each strand costs
_STARTED = {  # where each is started
    "threads": ("thread_start_ns",),
    "interpreters": ("thread_start_ns", "interpreter_start_ns"),
    "processes": ("fork_ns", "process_start_ns", "copy_ns_per_mb"),
}


def bundled(work: Work, model: str, machine: Machine) -> tuple[Work, Machine]:
    """The work in fewer strands, and a machine on which these cost as much as all of them; both as they are where there are few.

    Only strands that wait for no other, and no other for them, are put together, and no more than make a small part of the whole.

    Args:
        model: under which it is to be simulated.
    """
    if len(work.strands) <= _FEW:
        return work, machine
    groups = _groups(work)
    if len(groups) > len(work.strands) / 2:
        return work, machine
    numbers = {index: number for number, group in enumerate(groups) for index in group}
    strands = tuple(_as_one([work.strands[index] for index in group], numbers) for group in groups)
    times = len(work.strands) / len(strands)
    dear = {name: round(getattr(machine, name) * times) for name in _STARTED.get(model, _EACH)}
    return replace(work, strands=strands), replace(machine, **dear)


def _groups(work: Work) -> list[list[int]]:
    """Which strands are put together, in the order in which the first of each stands."""
    needed = {other for strand in work.strands for other in strand.after}
    whole = sum(map(_length, work.strands))
    many, long = ceil(len(work.strands) / _WANTED), whole / _WANTED
    found: list[list[int]] = []
    last: dict[str, int] = {}
    lengths: Counter[int] = Counter()
    for index, strand in enumerate(work.strands):
        length = _length(strand)
        is_free = not (strand.after or strand.every_ns or index in needed) and len(strand.steps) == 1
        at = last.get(strand.group, -1) if is_free else -1
        if at < 0 or len(found[at]) >= many or lengths[at] + length > long:
            at = len(found)
            found.append([])
        found[at].append(index)
        lengths[at] += length
        if is_free:
            last[strand.group] = at
    return found


def _length(strand: Strand) -> int:
    return sum(piece.ns for piece in strand.pieces)


def _as_one(strands: list[Strand], numbers: dict[int, int]) -> Strand:
    first = strands[0]
    if len(strands) == 1:
        return replace(first, after=tuple(sorted({numbers[other] for other in first.after})))
    return replace(first, pieces=_pieces(strands), steps=(_step([strand.steps[0] for strand in strands]),))


def _pieces(strands: list[Strand]) -> tuple[Piece, ...]:
    """All that they need, in the order of the one that has most pieces."""
    shape = max(strands, key=lambda strand: len(strand.pieces)).pieces
    needs: Counter[Kind] = Counter()
    for strand in strands:
        for piece in strand.pieces:
            needs[piece.kind] += piece.ns
    of_shape = Counter(piece.kind for piece in shape)
    missing = tuple(Piece(kind, needs[kind]) for kind in needs if kind not in of_shape)
    return (*(replace(piece, ns=needs[piece.kind] // of_shape[piece.kind]) for piece in shape), *missing)


def _step(steps: list[StepOf]) -> StepOf:
    given, result = ([getattr(step, whose) for step in steps] for whose in ("given", "result"))
    return replace(steps[0], given=_passing(given), result=_passing(result))


def _passing(parts: list[Passing]) -> Passing:
    def total(ns: list[int]) -> int:
        return -1 if min(ns) < 0 else sum(ns)

    return Passing(
        sum(part.bytes for part in parts),
        total([part.pack_ns for part in parts]),
        total([part.unpack_ns for part in parts]),
    )
