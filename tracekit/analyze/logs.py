"""Logs: how often something was logged at each level, and what most often. Knows instants, and no way to show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from tracekit.model.trace import LOG_LEVEL, Trace, TrackKind

_WORST_FIRST = ("critical", "error", "warning", "info", "debug", "not set")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A level: how many lines were logged at it, and the text that was most often, how often, first when (ns) and where."""

    level: str
    count: int
    text: str
    times: int
    first: int
    function: str
    file: str
    line: int


def logged(trace: Trace) -> list[LogRow]:
    """The levels of what was logged, the worst first; those of the program's own making come last."""
    is_thread = np.array([track.kind == TrackKind.THREAD for track in trace.tracks], np.bool_)
    instants = trace.instants
    rows = np.flatnonzero((instants.args >= 0) & (is_thread[instants.track] if len(is_thread) else False))
    rows = rows[np.argsort(instants.time[rows], kind="stable")]
    texts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    firsts: dict[tuple[str, int], int] = {}
    for row, name, args in zip(*(column.tolist() for column in (rows, instants.name[rows], instants.args[rows]))):
        level = trace.args[args].get(LOG_LEVEL)
        if isinstance(level, str):
            texts[level][name] += 1
            firsts.setdefault((level, name), row)
    return sorted((_row(trace, level, of_level, firsts) for level, of_level in texts.items()), key=_rank)


def _row(trace: Trace, level: str, texts: Counter[int], firsts: dict[tuple[str, int], int]) -> LogRow:
    text, times = texts.most_common(1)[0]
    first = firsts[level, text]
    args = trace.args[int(trace.instants.args[first])]
    place = str(args.get("function") or ""), str(args.get("file") or "")
    line = args.get("line")
    return LogRow(
        level,
        sum(texts.values()),
        trace.strings[text],
        times,
        int(trace.instants.time[first]),
        *place,
        line if isinstance(line, int) else 0,
    )


def _rank(row: LogRow) -> tuple[int, str]:
    known = row.level in _WORST_FIRST
    return _WORST_FIRST.index(row.level) if known else len(_WORST_FIRST), row.level
