"""A loop that several tasks hold in turns, laid out by hand as a trace. Knows no test; times are in ms."""

from __future__ import annotations

from hand_made_states import lay_states
from laid_out_programs import FILE, Laid

from tracekit.model.trace import Category, SampleSource, SampleState, Trace, TrackKind

MANY, ROUNDS, SLEEP = 8, 8, 20


def crowded_loop(doing: str, step: float = 30, source: str = "", rest: float = 0, stacks: int = ROUNDS) -> Trace:
    """A loop on which eight tasks hold each other up, one step each after another, and a ninth that only sleeps.

    Args:
        doing: what its thread was seen to do in their steps (a state's name).
        step: how long each of their steps takes.
        source: the file whose line 5 a stack shows in the middle of each round's second step; none where it is "".
        rest: how long the loop has nothing to do after each round.
        stacks: in how many of the rounds one is seen.
    """
    period = MANY * step + 1
    laid = Laid(ROUNDS * (period + rest))
    builder = laid.builder
    loop = builder.loop(laid.process, laid.main, "Loop")
    builder.loops[loop].running, builder.loops[loop].open = laid.ns(ROUNDS * period), laid.ns(laid.life)
    laid.slice(laid.main, 0, laid.life, "Loop", Category.LOOP)
    states = [("running", 1.0), (doing, MANY * step), ("polling", rest)]
    lay_states(builder, laid.main, *[(ms, state) for state, ms in states * ROUNDS if ms])
    starts = [number * (period + rest) for number in range(ROUNDS)]
    _task(laid, loop, "beat", "heartbeat", 8, [(start, start + 1) for start in starts])
    for number in range(MANY):
        begun = [start + 1 + number * step for start in starts]
        _task(laid, loop, f"poll {number}", "poll_device", 3, [(at, at + step) for at in begun])
    for start in starts[:stacks] if source else []:
        frame = builder.frame(-1, "poll_device", source, 5)
        time = laid.ns(start + 1 + step * 1.5)
        builder.sample(laid.main, time, frame, SampleState.UNKNOWN, SampleSource.OBSERVER)
    return builder.build(exit_status=0)


def _task(laid: Laid, loop: int, name: str, coroutine: str, line: int, turns: list[tuple[float, float]]) -> None:
    """A task that sleeps between its turns; what is longer than that it is ready and waits."""
    builder = laid.builder
    task = builder.task(laid.process, loop, name, coroutine=coroutine, file=FILE, line=line, outcome="done")
    row, track = builder.tasks[task], builder.track(TrackKind.TASK, task)
    row.created, row.ended, row.steps = 0, laid.ns(turns[-1][1]), len(turns)
    builder.slice(track, row.created, row.ended, name, Category.TASK, task=task)
    before = 0.0
    for start, end in turns:
        due = min(before + SLEEP, start) if before else 0.0
        _phase(laid, task, Category.AWAITING, before, due, what="sleep")
        _phase(laid, task, Category.READY, due, start, kind="timer" if before else "created")
        _phase(laid, task, Category.RUNNING, start, end)
        args = {"function": coroutine, "file": FILE, "line": line + 3}
        laid.slice(laid.main, start, end, name, Category.STEP, task=task, args=args)
        before = end


def _phase(laid: Laid, task: int, category: Category, start: float, end: float, **args: object) -> None:
    name = category.name.lower()
    if end > start:
        track = laid.builder.track(TrackKind.TASK, task)
        laid.builder.slice(track, laid.ns(start), laid.ns(end), name, category, task=task, args=args or None)
        row = laid.builder.tasks[task]
        setattr(row, name, getattr(row, name) + laid.ns(end) - laid.ns(start))
