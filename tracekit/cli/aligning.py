"""Aligning: when each of several traces begins, on one clock. Knows what traces say of the time, and loads none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracekit.errors import UsageError
from tracekit.model.trace import Trace
from tracekit.units import parse_duration, say_duration

_FARTHEST = 50 * 86_400_000_000_000  # ns: up to there Perfetto keeps each nanosecond


@dataclass
class Alignment:
    """When each trace begins, in ns on a clock that they have in common.

    Attributes:
        one_clock: whether they had it in common when they were recorded, as far as anybody knows.
        notes: how they were laid, a sentence each.
    """

    offsets: list[int]
    one_clock: bool
    notes: list[str]


def aligned(traces: Sequence[Trace], names: Sequence[str], how: str | None) -> Alignment:
    """Finds out when each trace begins.

    Args:
        names: what errors and notes call them.
        how: "wall", also where it is None; "first": all begin together; or when each further one begins after the first, as
            "1.5s", "-20ms" or "1s,2s".

    Raises:
        UsageError: it is none of these, a trace does not tell its wall time, or they lie too far apart.
    """
    if len(traces) == 1:
        return Alignment([0], True, [])
    if how == "first":
        return Alignment([0] * len(traces), False, ["these traces were laid as if they had all begun at one time"])
    if how not in (None, "wall"):
        return _by_offset(names, how or "")
    unknown = [name for name, trace in zip(names, traces) if not trace.wall_start]
    if unknown:
        raise UsageError(
            f"{' and '.join(unknown)} does not say at what time of day it was recorded: lay it yourself with --align first "
            "(all begin together) or --align OFFSET (when it begins, after the first, as 1.5s or -20ms)"
        )
    offsets = [trace.wall_start - traces[0].wall_start for trace in traces]
    _check_near(names, offsets)
    return Alignment(offsets, True, _notes(names, offsets, "by the wall clock"))


def _by_offset(names: Sequence[str], how: str) -> Alignment:
    texts = how.split(",")
    if len(texts) not in (1, len(names) - 1):
        raise UsageError(
            f"--align {how} has {len(texts)} offsets: give one for all, or one for each of the {len(names) - 1} traces "
            "after the first"
        )
    further = [_offset(text.strip()) for text in texts]
    offsets = [0, *(further * (len(names) - 1) if len(further) == 1 else further)]
    _check_near(names, offsets)
    return Alignment(offsets, True, _notes(names, offsets, "as it was said"))


def _check_near(names: Sequence[str], offsets: Sequence[int]) -> None:
    for name, offset in zip(names, offsets):
        if abs(offset) > _FARTHEST:
            apart = f"{say_duration(abs(offset))} {'after' if offset > 0 else 'before'}"
            raise UsageError(f"{name} begins {apart} {names[0]}, too far for one timeline; lay them with --align first")


def _offset(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    try:
        return sign * parse_duration(text.lstrip("+-"))
    except UsageError as error:
        raise UsageError(f"--align takes first, wall or an offset: {error}") from None


def _notes(names: Sequence[str], offsets: Sequence[int], how: str) -> list[str]:
    notes = []
    for name, offset in zip(names[1:], offsets[1:]):
        apart = f"{say_duration(abs(offset))} {'after' if offset > 0 else 'before'}" if offset else "together with"
        notes.append(f"{name} begins {apart} {names[0]}, {how}")
    return notes
