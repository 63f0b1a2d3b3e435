"""Blame: whose code a block was in, as far as the trace knows. Knows stacks and places, and puts nothing into words.

A stack that was sampled during the block says where its time went. Without one there is only the place where the step
stopped, which is not the same, and the coroutine that it belongs to.
"""

from __future__ import annotations

from typing import NamedTuple

from tracekit.analyze import code, stacks
from tracekit.analyze.blocks import Block
from tracekit.analyze.place import Place, users
from tracekit.analyze.stacks import Sampled
from tracekit.model.trace import Trace

NOWHERE = Place()


class Blame(NamedTuple):
    """What the trace knows of the code behind a block.

    Attributes:
        user: the place in the program's own code that is to blame; empty where none was seen.
        stopped: where the step stopped; empty where that is not known.
        other: a place in a library or in Python itself: where the time went, where the step stopped, else the coroutine.
        library: the library that `other` lies in.
        sampled: the stack that all this was seen in; None where none was sampled.
    """

    user: Place
    stopped: Place
    other: Place
    library: code.Library | None
    sampled: Sampled | None = None

    @property
    def stack(self) -> tuple[Place, ...]:
        """All places that are known, innermost first."""
        if self.sampled is not None:
            return self.sampled.stack
        return (self.stopped,) if self.stopped.file else ()


def blame(trace: Trace, block: Block, sampled: Sampled | None) -> Blame:
    """Whose code a block was in."""
    stopped, begun = _stopped(trace, block), _begun(trace, block)
    if sampled is not None:
        return _by_stack(sampled, stopped, begun)
    if stopped.is_users:
        return Blame(stopped, stopped, NOWHERE, None)
    user = users(begun)
    others = [frame for frame in (stopped, begun) if frame.file and not frame.is_users]
    # What every program calls, asyncio.sleep for one, says less than the library that called it.
    other = next((frame for frame in others if code.library(frame.file)), others[0] if others else NOWHERE)
    return Blame(user, stopped, other, code.library(other.file))


def _by_stack(sampled: Sampled, stopped: Place, begun: Place) -> Blame:
    stack = sampled.stack
    at = stacks.users_frame(stack)
    user = stack[at] if at < len(stack) else users(begun)
    # What the program called; of a library that calls another one, the one that the program knows.
    library = next((found for frame in reversed(stack[:at]) if (found := code.library(frame.file))), None)
    if library is None:
        return Blame(user, stopped, stack[0] if at else NOWHERE, None, sampled)
    inside = next(frame for frame in stack if (own := code.library(frame.file)) and own.name == library.name)
    return Blame(user, stopped, inside, library, sampled)


def _stopped(trace: Trace, block: Block) -> Place:
    index = int(trace.slices.args[block.slice])
    args = trace.args[index] if index >= 0 else {}
    return Place.of(args)


def _begun(trace: Trace, block: Block) -> Place:
    if block.task < 0:
        return NOWHERE
    task = trace.tasks[block.task]
    return Place(task.coroutine, task.file, task.line)
