"""Stacks: where in the code a block was, as far as stacks were sampled during it. Knows the samples, and judges nothing.

Of a stack only what the loop ran is kept: the loop's own frames, and what is around them, are the same in every one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Hashable
from itertools import pairwise
from typing import Any, NamedTuple

from tracekit.analyze.blocks import Block
from tracekit.analyze.place import Place
from tracekit.model.trace import Trace, TrackKind

NAME = "stack sample"

_LOOP_FILES = re.compile(r".*/asyncio/(?:events|base_events|runners|unix_events)\.py|.*/uvloop/[^/]*\.pyx?")
_LOOP_FUNCTIONS = frozenset({"_run", "_run_once", "run_forever", "run_until_complete", "run"})
_OURS = re.compile(r".*/tracekit/(?:bootstrap|hooks|record|spool)/|.*/tracekit/sessions\.py$")
PARTS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>", "<lambda>")  # of a function


class Sampled(NamedTuple):
    """The stack that stands for all that were sampled during a block.

    Attributes:
        stack: innermost first.
        samples: how many there were.
        agreeing: how many of them were in the same function of the program.
    """

    stack: tuple[Place, ...]
    samples: int
    agreeing: int


class Stacks:
    """The stacks that were sampled; made once a trace, asked once a block."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._of_track: dict[int, tuple[list[int], list[dict[str, Any]]]] = {}
        instants = trace.instants
        if NAME not in trace.strings:
            return
        name = trace.strings.index(NAME)
        for row in (instants.name == name).nonzero()[0].tolist():
            args = trace.args[instants.args[row]] if instants.args[row] >= 0 else {}
            times, samples = self._of_track.setdefault(int(instants.track[row]), ([], []))
            times.append(int(instants.time[row]))
            samples.append(args)

    def during(self, block: Block) -> Sampled | None:
        """What was sampled of a block on its own thread; None where nothing was."""
        seen = [(time, *_inside_the_loop(frames_of(args))) for time, args in self._within(block.track, block)]
        # One that was read while the program changed it may lack its outer part.
        least = any(is_whole for _, _, is_whole in seen)
        kept = [(time, stack) for time, stack, is_whole in seen if stack and is_whole >= least]
        if not kept:
            return None
        return _sum_up([stack for _, stack in kept], _weights([time for time, _ in kept], block))

    def holders(self, block: Block) -> list[str]:
        """The names of the other threads of the process that were seen to hold the GIL meanwhile, the most often seen first."""
        process = self._trace.threads[block.thread].process
        seen: Counter[str] = Counter()
        for track in self._of_track:
            row = self._trace.tracks[track]
            if row.kind == TrackKind.THREAD and row.process == process and track != block.track:
                seen[row.name] += sum(args.get("gil") is True for _, args in self._within(track, block))
        return [name for name, times in seen.most_common() if times]

    def _within(self, track: int, block: Block) -> list[tuple[int, dict[str, Any]]]:
        times, samples = self._of_track.get(track, ([], []))
        first, last = bisect_left(times, block.start), bisect_right(times, block.end)
        return list(zip(times[first:last], samples[first:last]))


def users_frame(stack: tuple[Place, ...]) -> int:
    """Where in a stack the innermost function of the program's own code is; its length where there is none.

    A comprehension or a lambda goes by the function that it stands in, where that is on the stack.
    """
    first = next((at for at, frame in enumerate(stack) if frame.is_users), len(stack))
    at = first
    while at < len(stack) and stack[at].function.endswith(PARTS) and stack[at].is_users:
        at += 1
    around = at < len(stack) and stack[at].file == stack[first].file
    return at if around else first


def frames_of(args: dict[str, Any]) -> list[Place]:
    """The frames of a sample; whoever wrote the file, of a trace nothing is believed."""
    found = []
    frames = args.get("frames")
    for frame in frames if isinstance(frames, list) else ():
        if isinstance(frame, (list, tuple)) and len(frame) == 3:
            function, file, line = frame
            found.append(Place(str(function), str(file), line if isinstance(line, int) else 0))
    return found


def _inside_the_loop(frames: list[Place]) -> tuple[tuple[Place, ...], bool]:
    """What the loop ran, and whether the loop's own frames were seen around it."""
    kept: list[Place] = []
    for frame in frames:
        if frame.function.rpartition(".")[2] in _LOOP_FUNCTIONS and _LOOP_FILES.fullmatch(frame.file):
            return tuple(kept), True
        if not _OURS.match(frame.file):
            kept.append(frame)
    return tuple(kept), False


def _weights(times: list[int], block: Block) -> list[int]:
    """How long each sample stands for: up to the middle between it and its neighbours."""
    middles = [(one + other) // 2 for one, other in pairwise(times)]
    edges = [block.start, *middles, block.end]
    return [end - start for start, end in pairwise(edges)]


def _sum_up(stacks: list[tuple[Place, ...]], weights: list[int]) -> Sampled:
    functions: Counter[tuple[str, str]] = Counter()
    for stack, weight in zip(stacks, weights):
        functions[_function(stack)] += weight
    function = functions.most_common(1)[0][0]
    agreeing = [(stack, weight) for stack, weight in zip(stacks, weights) if _function(stack) == function]
    along = _along(agreeing, lambda frame: (frame.function, frame.file))
    return Sampled(_along(along, lambda frame: frame)[0][0], len(stacks), len(agreeing))


def _along(
    stacks: list[tuple[tuple[Place, ...], int]], alike: Callable[[Place], Hashable]
) -> list[tuple[tuple[Place, ...], int]]:
    """Those stacks, with their weights, that go the way on which most of the time went, from the outermost call inwards.

    In fast code hardly two samples are the same: each single one is chance, the calls that they share are not.
    """
    depth = 0
    while True:
        depth += 1
        weights: Counter[Hashable] = Counter()
        for stack, weight in stacks:
            weights[alike(stack[-depth]) if depth <= len(stack) else None] += weight
        (most, _), *_ = weights.most_common(1)
        if most is None:  # it was nowhere deeper for as long as here
            return [(stack, weight) for stack, weight in stacks if len(stack) < depth]
        stacks = [(stack, weight) for stack, weight in stacks if depth <= len(stack) and alike(stack[-depth]) == most]


def _function(stack: tuple[Place, ...]) -> tuple[str, str]:
    """What makes two samples agree: the program's own function, and without one the innermost."""
    at = users_frame(stack)
    frame = stack[at] if at < len(stack) else stack[0]
    return frame.function, frame.file
