"""Spans: the work of a trace whose spans say what step of what task they are, as a comparison's do. Knows no other program.

Their arguments: `tracekit_step` (number), `tracekit_kind`, `tracekit_step_name`, `tracekit_awaitable`, `tracekit_after`
(names); a poll's turn has `tracekit_every_ns` and `tracekit_late_ns`; the whole run `tracekit_model`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tracekit.errors import TracekitError
from tracekit.model.trace import Args, Category, Trace, TrackKind
from tracekit.predict.division import Divider, Stint, pieces_of, summed
from tracekit.predict.parts import NOTHING, Kind, Passing, Piece, StepOf, Strand, Work

_KIND, _MODEL, _AFTER = "tracekit_kind", "tracekit_model", "tracekit_after"
_BETWEEN = "␞"  # names: a text of a trace has no line ends
_SPREAD = 0.03


_Phases = Mapping[int, Iterable[tuple[int, int]]]  # by task


@dataclass(frozen=True, slots=True)
class _Span:
    """A span of ours: of a step or of a poll's turn.

    Attributes:
        running: where it belongs to a coroutine, when that ran.
        awaited: where it belongs to a coroutine, how long (ns) that waited, but for the time in which it waited for its loop.
    """

    name: str
    start: int
    end: int
    thread: int
    args: Args
    running: tuple[tuple[int, int], ...] | None = None
    awaited: int = 0

    @property
    def kind(self) -> str:
        return str(self.args[_KIND])

    @property
    def step(self) -> int:
        return int(self.args.get("tracekit_step", 0))

    @property
    def step_name(self) -> str:
        return str(self.args.get("tracekit_step_name", self.name))

    def after(self) -> list[str]:
        """The names of the tasks that its task comes after; one text holds few characters, so that there may be several."""
        texts = [text for key, text in sorted(self.args.items()) if key.startswith(_AFTER) and isinstance(text, str)]
        return [name for text in texts for name in text.split(_BETWEEN) if name]

    def stints(self) -> list[Stint]:
        """The time of its thread that it took."""
        computes = self.kind in ("compute", "poll") or self.running is not None
        kind = f"{self.kind} {self.step_name}"
        times = ((self.start, self.end),) if self.running is None else self.running
        return [Stint(self.thread, start, end, kind, computes) for start, end in times]


def has_steps(trace: Trace) -> bool:
    """Whether spans of this trace say of themselves what step they are."""
    return any(_KIND in args for args in trace.args)


def work_of_steps(trace: Trace) -> Work:
    """The work that the steps' spans say.

    Raises:
        TracekitError: the trace holds several runs.
    """
    whole = [(row, args) for row, args in _rows(trace, _MODEL)]
    if len(whole) > 1:
        models = ", ".join(str(args[_MODEL]) for _, args in whole)
        raise TracekitError(f"this trace has several runs in it ({models}); take a trace of one of them")
    spans = _spans(trace)
    divider = Divider(trace, [stint for span in spans for stint in span.stints()])
    tasks: defaultdict[str, list[_Span]] = defaultdict(list)
    polls: defaultdict[str, list[_Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        (polls if span.kind == "poll" else tasks)[span.name].append(span)
    numbers = {name: index for index, name in enumerate(tasks)}
    passed = _passed(trace)
    strands = [_strand(name, own, numbers, divider, passed) for name, own in tasks.items()]
    strands += [_poll(name, own, divider) for name, own in polls.items()]
    late = [span.args.get("tracekit_late_ns", 0) for own in polls.values() for span in own]
    start, end = (int(trace.slices.start[whole[0][0]]), int(trace.slices.end[whole[0][0]])) if whole else _extent(spans)
    return Work(
        program=trace.program,
        strands=tuple(strands),
        cores=trace.cores,
        traced_model=str(whole[0][1][_MODEL]) if whole else "",
        wall_ns=end - start,
        late_ns=max(late) if late else None,
        notes=tuple(divider.notes()),
        exact=True,
        spread=_SPREAD + divider.spread(),
        memory_bytes=trace.processes[0].peak_rss if trace.processes else 0,
    )


def _rows(trace: Trace, key: str) -> list[tuple[int, Args]]:
    """The whole spans whose arguments have that key."""
    slices = trace.slices
    rows = np.flatnonzero((slices.category == Category.SPAN) & (slices.args >= 0)).tolist()
    return [(row, args) for row in rows if key in (args := trace.args[slices.args[row]])]


def _spans(trace: Trace) -> list[_Span]:
    phases = _phases(trace, Category.RUNNING), _phases(trace, Category.AWAITING)
    return [found for row, args in _rows(trace, _KIND) if (found := _span(trace, row, args, *phases)) is not None]


def _span(trace: Trace, row: int, args: Args, running: _Phases, awaiting: _Phases) -> _Span | None:
    slices = trace.slices
    track, name = trace.tracks[slices.track[row]], trace.strings[slices.name[row]]
    start, end = int(slices.start[row]), int(slices.end[row])
    if track.kind in (TrackKind.THREAD, TrackKind.LANE):
        return _Span(name, start, end, track.owner, args)
    loop = trace.tasks[track.owner].loop if track.kind == TrackKind.TASK else None
    if loop is None:
        return None
    ran, waited = (_inside(phases.get(track.owner, ()), start, end) for phases in (running, awaiting))
    return _Span(name, start, end, trace.loops[loop].thread, args, ran, sum(ended - begun for begun, ended in waited))


def _phases(trace: Trace, category: Category) -> _Phases:
    """When each task ran, or awaited something."""
    slices = trace.slices
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in np.flatnonzero((slices.category == category) & (slices.task >= 0)).tolist():
        found[int(slices.task[row])].append((int(slices.start[row]), int(slices.end[row])))
    return found


def _inside(times: Iterable[tuple[int, int]], start: int, end: int) -> tuple[tuple[int, int], ...]:
    cut = ((max(start, begun), min(end, ended)) for begun, ended in times)
    return tuple((begun, ended) for begun, ended in cut if begun < ended)


def _extent(spans: list[_Span]) -> tuple[int, int]:
    return min((span.start for span in spans), default=0), max((span.end for span in spans), default=0)


def _passed(trace: Trace) -> dict[tuple[str, int], Passing]:
    """What each step of each task was given; the step after the last one is given the task's result."""
    found = {}
    for number in np.flatnonzero(trace.instants.args >= 0).tolist():
        args = trace.args[trace.instants.args[number]]
        if "tracekit_bytes" in args:
            key = str(args["tracekit_task"]), int(args["tracekit_step"])
            found[key] = Passing(*(int(args[f"tracekit_{what}"]) for what in ("bytes", "pack_ns", "unpack_ns")))
    return found


def _step(span: _Span, passed: dict[tuple[str, int], Passing]) -> StepOf:
    return StepOf(
        span.step_name,
        kind=span.kind,
        awaitable=bool(span.args.get("tracekit_awaitable")),
        given=passed.get((span.name, span.step), NOTHING),
        result=passed.get((span.name, span.step + 1), NOTHING),
    )


def _strand(
    name: str, spans: list[_Span], numbers: dict[str, int], divider: Divider, passed: dict[tuple[str, int], Passing]
) -> Strand:
    spans = sorted(spans, key=lambda span: span.step)
    after = [text for span in spans for text in span.after()]
    steps = tuple(_step(span, passed) for span in spans)
    pieces = [piece for at, span in enumerate(spans) for piece in _pieces(at, span, divider)]
    return Strand(
        name=name,
        pieces=tuple(pieces),
        after=tuple(numbers[other] for other in dict.fromkeys(after) if other in numbers),
        steps=steps,
        group=" + ".join(step.name for step in steps),
    )


def _poll(name: str, spans: list[_Span], divider: Divider) -> Strand:
    turns = sorted(sum(piece.ns for piece in _pieces(0, span, divider)) for span in spans)
    every = int(spans[0].args.get("tracekit_every_ns", 0)) or 1
    turn = Piece(Kind.GIL, turns[len(turns) // 2])
    return Strand(name, (turn,), every_ns=every, steps=(StepOf(name, kind="poll"),), group=name)


def _pieces(at: int, span: _Span, divider: Divider) -> list[Piece]:
    """What a step needs."""
    needs = summed([divider.needs(stint) for stint in span.stints()])
    if span.kind == "sleep":
        asked = span.args.get("tracekit_seconds")
        slept = span.end - span.start if span.running is None else span.awaited
        return [Piece(Kind.TIMER, slept if asked is None else round(float(asked) * 1e9), at)]
    if span.running is not None and span.kind == "io":
        needs = replace(needs, outside=needs.outside + span.awaited)
    return pieces_of(needs, at)
