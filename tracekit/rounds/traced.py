"""Traced: what only a trace tells of a model's run, and the traces of several models as one. Knows traces, and starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracekit.analyze.blocks import blocks
from tracekit.model.merge import merge
from tracekit.model.trace import Category, Trace

MODEL_SPAN = "tracekit model"
_GIL = "waiting for the GIL"
_TOGETHER = (
    "are laid side by side here, and were one after the other: what is said of all of them together, as of cores, "
    "is of none"
)


@dataclass(frozen=True)
class Figures:
    """What happened in a model's run.

    Attributes:
        blocks: steps and callbacks of an event loop longer than the threshold; None where there was no loop.
        block_worst_s: the longest of them; None where there is none.
        gil_wait_s: what all threads together waited for the GIL; None where nobody looked at them.
    """

    blocks: int | None
    block_worst_s: float | None
    gil_wait_s: float | None


def figures(trace: Trace, threshold_ns: int) -> Figures:
    """The figures of a trace, between the begin and the end of the model's run, if it says which that is."""
    begin, end = window(trace)
    found = [block.duration for block in blocks(trace, threshold_ns) if block.start < end and block.end > begin]
    return Figures(
        blocks=len(found) if trace.loops else None,
        block_worst_s=max(found) / 1e9 if found else None,
        gil_wait_s=_waited(trace, begin, end) / 1e9 if trace.states else None,
    )


def window(trace: Trace) -> tuple[int, int]:
    """When the model's run began and ended, ns in the trace; the whole trace where nothing says so."""
    if MODEL_SPAN in trace.strings:
        slices = trace.slices
        spans = (slices.name == trace.strings.index(MODEL_SPAN)) & (slices.category == Category.SPAN)
        if spans.any():
            first = int(np.flatnonzero(spans)[0])
            return int(slices.start[first]), int(slices.end[first])
    return 0, trace.duration


def side_by_side(traces: Mapping[str, Trace]) -> Trace:
    """The traces of several models as one: their runs begin at the same moment, their processes bear the model's name.

    Args:
        traces: by model; at least one.
    """
    named = [_named(trace, model) for model, trace in traces.items()]
    merged = merge(named, [-window(trace)[0] for trace in named], list(traces), apart=True)
    if len(named) > 1:
        merged.notes.insert(0, f"the runs of {len(named)} models {_TOGETHER}")
    return merged


def _named(trace: Trace, model: str) -> Trace:
    # The first one is what ran the model.
    names = [model, *(f"{model}: {process.name}" for process in trace.processes[1:])]
    processes = [replace(process, name=name) for process, name in zip(trace.processes, names)]
    return replace(trace, program=model, processes=processes)


def _waited(trace: Trace, begin: int, end: int) -> int:
    slices = trace.slices
    if _GIL not in trace.strings:
        return 0
    rows = (slices.category == Category.STATE) & (slices.name == trace.strings.index(_GIL))
    inside = np.minimum(slices.end[rows], end) - np.maximum(slices.start[rows], begin)
    return int(np.maximum(inside, 0).sum())
