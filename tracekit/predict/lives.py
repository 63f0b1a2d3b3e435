"""Lives: the work of a program whose parts have a thread, or a process, of their own. Knows no task and no job.

What a life does it does in order: it is cut into windows, so that what came first stays first. How many of them there were at
once says under what model they ran: all of them, a few at a time as in a pool, or one after another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from tracekit.analyze.place import Place
from tracekit.model.trace import Category, Process, Trace, TrackKind
from tracekit.predict.division import Divider, Needs, Stint, pieces_of
from tracekit.predict.parts import Kind, Piece, StepOf, Strand

_WINDOWS, _WINDOW_NS = 50, 30_000_000  # a life is cut into so many at most, as long as that at least
_WORTH = 0.3  # of the program's time: so long lives must last to be its work
_MUCH = 0.1  # of that time: so long the main thread must compute beside them to be a part of it
_FULL = 0.7  # of the most at once, on average: as in a pool that has always something to do
_BUSY = 0.5
_NAMED_AFTER = re.compile(r"Thread-\d+ \((.+)\)")
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")  # of multiprocessing, in their commands
_WAITED = "what threads or processes waited for each other is not told apart from other waiting"
_IN_TURN = (
    "each of what was started began when the one before it had ended; that they do not depend on each other nobody said"
)
_PROGRAMS = "nobody looked into the programs that were started; they are taken to wait, and not to need the cores"


class Life(NamedTuple):
    """A thread, or a process's main thread.

    Attributes:
        thread: its row; -1 for a process that nobody looked into.
        place: what it was started for; of another program the line that started it.
        is_program: whether it is another program, which has nothing to do with the GIL of the one that started it.
    """

    name: str
    thread: int
    start: int
    end: int
    place: Place
    is_program: bool = False

    @property
    def group(self) -> str:
        """What alike ones share."""
        if self.place.function:
            return f"{self.place.function} ({self.place.file}:{self.place.line})"
        named = _NAMED_AFTER.fullmatch(self.name)
        return named[1] if named else self.name.rstrip("0123456789-_ ") or self.name


@dataclass(frozen=True, slots=True)
class Lives:
    """The lives that are a program's work.

    Attributes:
        beside: the main thread that started them.
        model: what they ran under.
        at_once: how many there were at most.
    """

    lives: list[Life]
    beside: Life | None
    model: str
    at_once: int

    @property
    def total(self) -> int:
        """How long they lasted in all, ns."""
        return sum(life.end - life.start for life in self.lives)

    @property
    def are_placed(self) -> bool:
        """Whether it is known what they were started for: else they may be the workers of a pool."""
        return any(life.place.file for life in self.lives)

    def strands(self, trace: Trace) -> tuple[list[Strand], Divider, list[str]] | None:
        """A strand for each, who divided them, and what was taken for granted; None where the main thread does the work."""
        stints = {life: _windows(life) for life in self.lives if life.thread >= 0}
        divider = Divider(trace, [stint for own in stints.values() for stint in own])
        strands = [_strand(life, stints.get(life, []), divider) for life in self.lives]
        if self.beside is not None:
            own = _beside(trace, self.beside)
            computed, extent = sum(piece.ns for piece in own.pieces), self.beside.end - self.beside.start
            if computed >= max(_BUSY * extent, _computing(strands)):
                return None
            strands += [own] if computed >= _MUCH * extent else []
        blind = any(life.is_program and not _seen(stints.get(life, []), divider) for life in self.lives)
        notes = [_IN_TURN if self.at_once == 1 else _WAITED, *([_PROGRAMS] if blind else [])]
        return strands, divider, notes


def lives_of(trace: Trace) -> Lives | None:
    """The lives that are a program's work; None where there are too few, or hardly last."""
    found = [_lives(trace, own, kind) for kind, own in (("thread", _threads(trace)), ("process", _processes(trace)))]
    best = max(found, key=lambda lives: lives.total)
    return best if len(best.lives) > 1 and best.total >= _WORTH * trace.duration else None


def _lives(trace: Trace, by_parent: dict[int, list[Life]], kind: str) -> Lives:
    """Those of the process that started most of them, by their time."""
    parent = max(by_parent, key=lambda row: sum(life.end - life.start for life in by_parent[row]), default=-1)
    lives = sorted(by_parent.get(parent, []), key=lambda life: life.start)
    at_once = _at_once(lives)
    plural = "threads" if kind == "thread" else "processes"
    start, end = min((life.start for life in lives), default=0), max((life.end for life in lives), default=0)
    average = sum(life.end - life.start for life in lives) / max(1, end - start)
    is_full = 1 < at_once < len(lives) and average >= _FULL * at_once
    model = "sequential" if at_once < 2 else f"{kind}-pool" if is_full else plural
    main = _mains(trace).get(parent)
    beside = None if main is None else Life(trace.threads[main].name, main, start, end, Place())
    return Lives(lives, beside, model, at_once)


def _at_once(lives: list[Life]) -> int:
    """How many there were at most; one that begins as another ends comes after it."""
    edges = sorted([(life.start, 1) for life in lives] + [(life.end, -1) for life in lives])
    return max(accumulate(step for _, step in edges), default=0)


def _threads(trace: Trace) -> dict[int, list[Life]]:
    """Threads that somebody started and that are nobody's workers, by their process."""
    places, workers = places_of(trace), _workers(trace)
    found: defaultdict[int, list[Life]] = defaultdict(list)
    for at, row in enumerate(trace.threads):
        place = places.get(at, Place())
        is_own = row.starter is not None and at not in workers and not place.is_librarys
        if is_own and not row.main and row.ended is not None:
            found[row.process].append(Life(row.name, at, row.started, row.ended, place))
    return found


def _workers(trace: Trace) -> set[int]:
    """Threads that ran jobs of a pool."""
    tracks = set(trace.slices.track[trace.slices.category == Category.JOB].tolist())
    return {trace.tracks[track].owner for track in tracks if trace.tracks[track].kind == TrackKind.THREAD}


def _processes(trace: Trace) -> dict[int, list[Life]]:
    """Processes that another one started, by that one."""
    places, mains, workers = places_of(trace), _mains(trace), _workers(trace)
    watched = {row.thread for row in trace.states}
    found: defaultdict[int, list[Life]] = defaultdict(list)
    for at, row in enumerate(trace.processes):
        main = mains.get(at, -1)
        place = places.get(main, Place())
        is_own = main not in workers and not place.is_librarys
        if row.parent is None or not is_own or any(helper in row.command for helper in _HELPERS):
            continue
        life = _process(trace, row, main, place)
        found[row.parent].append(life if main in watched or not life.is_program else life._replace(thread=-1))
    return {parent: _placed(lives) for parent, lives in found.items()}


def _placed(lives: list[Life]) -> list[Life]:
    """Those of which it is known who started them, if there are any: others may be the same ones, as somebody else saw them."""
    return [life for life in lives if life.place.file] or lives


def _process(trace: Trace, row: Process, main: int, place: Place) -> Life:
    starter = Place.read(row.started_at)
    is_fork = row.parent is not None and row.command == trace.processes[row.parent].command
    is_program = not place.file and not is_fork and bool(starter.file or row.untraced)
    place = place if place.file or not starter.file else starter
    start = row.started if main < 0 or row.untraced else trace.threads[main].started
    if is_program and not row.untraced:
        start -= row.starting or 0
    ended = trace.threads[main].ended if row.ended is None and main >= 0 else row.ended
    end = trace.duration if ended is None else ended
    return Life(row.name, main, max(0, start), max(start, end), place, is_program)


def _mains(trace: Trace) -> dict[int, int]:
    """The main thread of each process."""
    return {row.process: at for at, row in reversed(list(enumerate(trace.threads))) if row.main}


def places_of(trace: Trace) -> dict[int, Place]:
    """What each thread was started for, as far as that is known."""
    slices, tracks = trace.slices, trace.tracks
    rows = np.flatnonzero((slices.category == Category.THREAD) & (slices.args >= 0)).tolist()
    return {tracks[slices.track[row]].owner: Place.of(trace.args[slices.args[row]]) for row in rows}


def _windows(life: Life) -> list[Stint]:
    count = max(1, min(_WINDOWS, (life.end - life.start) // _WINDOW_NS))
    edges = np.linspace(life.start, life.end, count + 1).astype(int).tolist()
    computes = not life.is_program
    kind = life.place.function or life.group
    return [Stint(life.thread, start, end, kind, computes) for start, end in pairwise(edges) if end > start]


def _seen(stints: list[Stint], divider: Divider) -> bool:
    """Whether enough was seen of at least half of the time."""
    told = sum(stint.end - stint.start for stint in stints if divider.needs(stint).seen)
    return bool(stints) and 2 * told >= sum(stint.end - stint.start for stint in stints)


def _strand(life: Life, stints: list[Stint], divider: Divider) -> Strand:
    needs = [divider.needs(stint) for stint in stints] or [Needs(0, 0, life.end - life.start, 0, 0.0)]
    is_told = life.is_program or _seen(stints, divider)
    name = life.place.function or life.name
    kinds = ("io", "compute") if is_told else ("", "")
    steps = tuple(StepOf(name, life.place.file, life.place.line, kind, kind == "io") for kind in kinds)
    pieces = [piece for need in needs for piece in pieces_of(need, 0 if _waits(need) else 1)]
    return Strand(life.name, tuple(_own(piece, life) for piece in pieces), steps=steps, group=life.group)


def _computing(strands: list[Strand]) -> int:
    return sum(piece.ns for strand in strands for piece in strand.pieces if piece.kind in (Kind.GIL, Kind.FREE))


def _waits(needs: Needs) -> bool:
    return needs.outside + needs.timer > needs.gil + needs.free


def _own(piece: Piece, life: Life) -> Piece:
    """Another program computes without the GIL of this one."""
    return Piece(Kind.FREE, piece.ns, piece.step) if life.is_program and piece.kind == Kind.GIL else piece


def _beside(trace: Trace, life: Life) -> Strand:
    """What the main thread computed meanwhile, without its waiting for the others, as far as that was seen."""
    stints = _windows(life)
    divider = Divider(trace, stints)
    pieces: list[Piece] = []
    for stint in stints:
        needs = divider.needs(stint)
        if needs.seen:
            computing = Needs(needs.gil, needs.free, 0, 0, needs.seen)
            pieces += pieces_of(computing, 0)
    return Strand(life.name, tuple(pieces), steps=(StepOf(life.name, kind="compute"),), group=life.name)
