"""Stacks: where in the code a block was, as far as stacks were sampled during it. Knows the samples, and judges nothing.

Of a stack only what the loop ran is kept: the loop's own frames, and what is around them, are the same in every one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tracekit.analyze.blocks import Block
from tracekit.analyze.place import Place
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import SampleState, Trace

_LOOP_FILES = re.compile(r".*/asyncio/(?:events|base_events|runners|unix_events)\.py|.*/uvloop/[^/]*\.pyx?")
_LOOP_FUNCTIONS = frozenset({"_run", "_run_once", "run_forever", "run_until_complete", "run"})
OURS = re.compile(r".*/tracekit/(?:bootstrap|hooks|record|spool)/|.*/tracekit/sessions\.py$")
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
        self._samples = trace.samples
        self._borders = np.searchsorted(trace.samples.thread, np.arange(len(trace.threads) + 1))
        self._places = [Place(*frame) for frame in frames_of(trace)]
        self._inside = cache(lambda frame: _inside_the_loop(self._stack(frame)))

    def during(self, block: Block) -> Sampled | None:
        """What was sampled of a block on its own thread; None where nothing was."""
        own = self._within(block.thread, block)
        times, frames = self._samples.time[own].tolist(), self._samples.frame[own].tolist()
        seen = [(time, *self._inside(frame)) for time, frame in zip(times, frames)]
        # One that was read while the program changed it may lack its outer part.
        least = any(is_whole for _, _, is_whole in seen)
        kept = [(time, stack) for time, stack, is_whole in seen if stack and is_whole >= least]
        if not kept:
            return None
        return _sum_up([stack for _, stack in kept], _weights([time for time, _ in kept], block))

    def holders(self, block: Block) -> list[str]:
        """The names of the other threads of the process that were seen to hold the GIL meanwhile, the most often seen first."""
        threads = self._trace.threads
        seen: Counter[str] = Counter()
        for at, thread in enumerate(threads):
            if thread.process == threads[block.thread].process and at != block.thread:
                states = self._samples.state[self._within(at, block)]
                seen[thread.name] += int(np.count_nonzero(states == SampleState.GIL))
        return [name for name, times in seen.most_common() if times]

    def _within(self, thread: int, block: Block) -> slice:
        """The samples of a thread during a block."""
        first, last = self._borders[thread : thread + 2].tolist()
        times = self._samples.time[first:last]
        begin, end = np.searchsorted(times, block.start), np.searchsorted(times, block.end, side="right")
        return slice(first + int(begin), first + int(end))

    def _stack(self, frame: int) -> list[Place]:
        return [self._places[row] for row in rows_of(self._trace, frame)]


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


def _inside_the_loop(frames: list[Place]) -> tuple[tuple[Place, ...], bool]:
    """What the loop ran, and whether the loop's own frames were seen around it."""
    kept: list[Place] = []
    for frame in frames:
        if frame.function.rpartition(".")[2] in _LOOP_FUNCTIONS and _LOOP_FILES.fullmatch(frame.file):
            return tuple(kept), True
        if not OURS.match(frame.file):
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
