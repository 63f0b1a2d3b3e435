"""Programs of one shape each, laid out by hand as traces, for tests of advice and differences. Knows no test; times are in ms."""

from __future__ import annotations

from hand_made_states import MS, lay_states

from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

FILE = "/app/work.py"


class Laid:
    """A program of one process with a main thread, on two cores."""

    def __init__(self, life: float) -> None:
        self.life = life
        self.builder = Builder("app.py")
        self.builder.cores = 2
        self.process = self.builder.process(10, "app.py", started=0, ended=self.ns(life), peak_rss=30_000_000)
        self.main = self.thread("MainThread", 0, life)

    @staticmethod
    def ns(ms: float) -> int:
        """ns of ms."""
        return round(ms * MS)

    def thread(self, name: str, start: float, end: float, starter: int | None = None) -> int:
        """A thread and its life."""
        tid, main = 10 + len(self.builder.threads), starter is None
        times = {"started": self.ns(start), "ended": self.ns(end)}
        row = self.builder.thread(self.process, tid, name, main=main, starter=starter, **times)
        self.slice(row, start, end, name, Category.THREAD)
        return row

    def slice(self, thread: int, start: float, end: float, name: str, category: Category, **more: object) -> None:
        """A slice on a thread."""
        track = self.builder.track(TrackKind.THREAD, thread)
        self.builder.slice(track, self.ns(start), self.ns(end), name, category, **more)  # type: ignore[arg-type]


def blocked_loop(
    doing: str,
    blocked: float = 600,
    watched: bool = True,
    victims: bool = True,
    long_timer: bool = False,
    culprits: tuple[str, ...] = ("compute_all",),
    eager: bool = False,
) -> Trace:
    """A loop on which some tasks hold everybody up for a while, and another one that looks every 50 ms, for a second.

    Args:
        doing: what its thread was seen to do meanwhile (a state's name).
        victims: whether the other task is there.
        long_timer: whether a third one sleeps for most of the time, from before the block until after it.
        culprits: the coroutines of those that hold it up, one after another.
        eager: whether another task of its coroutine runs within the step of the first of them.
    """
    laid, begin = Laid(1000), 80.0 if eager else 100.0  # the other one is due at 100
    builder, end = laid.builder, begin + blocked
    loop = builder.loop(laid.process, laid.main, "Loop")
    builder.loops[loop].running, builder.loops[loop].open = laid.ns(blocked), laid.ns(1000)
    laid.slice(laid.main, 0, 1000, "Loop", Category.LOOP)
    if watched:
        rest = 1000 - end
        lay_states(builder, laid.main, (begin, "polling"), (blocked, doing), *[(rest, "polling")] * bool(rest))
    each = blocked / len(culprits)
    for number, coroutine in enumerate(culprits):
        own = begin + number * each
        hot = _task(laid, loop, "hot" if not number else f"hot {number}", coroutine, 7, [(own, own + each)], begin)
        assert hot == number
    if eager:
        _task(laid, loop, "eager", culprits[0], 7, [(begin + 5, begin + each / 4)], begin + 5)
    if victims:
        turns = [(at, at + 0.1) for at in range(0, 1000, 50) if not begin <= at < end] + [(end, end + 0.1)]
        _task(laid, loop, "ticking", "tick", 20, sorted(set(turns)), 0, late=begin)
    if long_timer:
        _task(laid, loop, "sleeping", "rest", 30, [(0.2, 0.3), (990, 990.1)], 0.2, is_punctual=True)
    return builder.build(exit_status=0)


def _task(
    laid: Laid,
    loop: int,
    name: str,
    coroutine: str,
    line: int,
    turns: list[tuple[float, float]],
    created: float,
    late: float = -1,
    is_punctual: bool = False,
) -> int:
    """A task that runs in some turns; those after `late` were due 50 ms after the one before them, unless `is_punctual`."""
    builder = laid.builder
    task = builder.task(laid.process, loop, name, coroutine=coroutine, file=FILE, line=line, outcome="done")
    row, track = builder.tasks[task], builder.track(TrackKind.TASK, task)
    row.created, row.ended = laid.ns(created), laid.ns(turns[-1][1])
    builder.slice(track, row.created, row.ended, name, Category.TASK, task=task)
    before = created
    for start, end in turns:
        is_late = not is_punctual and (before <= late < start or start - before > 50)
        woken = min(before + 50, start) if is_late else start
        if woken > before:
            _phase(laid, task, Category.AWAITING, before, woken, "awaiting sleep", what="sleep")
        if start > woken:
            _phase(laid, task, Category.READY, woken, start, "ready", kind="timer")
        _phase(laid, task, Category.RUNNING, start, end, "running")
        stopped = {"function": coroutine, "file": FILE, "line": line + 2}
        long = {"args": stopped} if end - start > 50 else {}
        laid.slice(laid.main, start, end, name, Category.STEP, task=task, **long)
        row.steps += 1
        before = end
    return task


def _phase(laid: Laid, task: int, category: Category, start: float, end: float, label: str, **args: object) -> None:
    track = laid.builder.track(TrackKind.TASK, task)
    laid.builder.slice(track, laid.ns(start), laid.ns(end), label, category, task=task, args=args or None)
    row, name = laid.builder.tasks[task], category.name.lower()
    setattr(row, name, getattr(row, name) + laid.ns(end) - laid.ns(start))


def threads(doing: str, many: int = 4, life: float = 1000, waiting: str = "") -> Trace:
    """Threads of one name side by side, each of which gets its share of the cores, or of the one GIL.

    Args:
        doing: what they do (a state's name); `waiting`: in the rest of their time, of which three quarters are.
    """
    laid = Laid(life)
    lay_states(laid.builder, laid.main, (life, "waiting for a lock"))
    for number in range(many):
        row = laid.thread(f"work {number}", 0, life, starter=laid.main)
        parts = [(life / 100, doing), (3 * life / 100, waiting)] * 25 if waiting else [(life, doing)]
        lay_states(laid.builder, row, *parts)
    return laid.builder.build(exit_status=0)


def processes(doing: str, at_once: bool, many: int = 2, life: float = 1000, command: str = "") -> Trace:
    """Processes that the first one started, with a core each, side by side or one after another.

    Args:
        doing: what they do (a state's name).
        command: of another program; without it they are forks that run `work`.
    """
    laid, each = Laid(life), life if at_once else life / many
    lay_states(laid.builder, laid.main, (life, "waiting for a child"))
    for number in range(many):
        start = 0 if at_once else number * each
        times = {"started": laid.ns(start), "ended": laid.ns(start + each)}
        line = f"run ({FILE}:5)" if command else ""
        row = laid.builder.process(20 + number, "child", parent=laid.process, command=command, started_at=line, **times)
        main = laid.builder.thread(row, 20 + number, "MainThread", main=True, **times)
        args = None if command else {"function": "work", "file": FILE, "line": 3}
        track = laid.builder.track(TrackKind.THREAD, main)
        laid.builder.slice(track, *times.values(), "MainThread", Category.THREAD, args=args)
        lay_states(laid.builder, main, (each, doing), start=start)
    return laid.builder.build(exit_status=0)


def calls(doing: str, many: int = 10, each: float = 100) -> Trace:
    """Spans of one name on the main thread, one after another."""
    laid = Laid(many * each)
    lay_states(laid.builder, laid.main, (many * each, doing))
    for number in range(many):
        laid.slice(laid.main, number * each, (number + 1) * each, "fetch", Category.SPAN)
    return laid.builder.build(exit_status=0)


def alone(doing: str, life: float = 1000, watched: bool = True) -> Trace:
    """A main thread, and nothing that is known of it but what it was seen to do."""
    laid = Laid(life)
    if watched:
        lay_states(laid.builder, laid.main, (life, doing))
    return laid.builder.build(exit_status=0)


def convoy() -> Trace:
    """Four threads that stand in line for one lock for most of their time."""
    laid = Laid(1000)
    rows = [laid.thread(f"writer {number}", 0, 1000, starter=laid.main) for number in range(4)]
    for row in rows:
        lay_states(laid.builder, row, (250, "sleeping"), (750, "waiting for a lock"))
    for turn in range(40):
        for at, row in enumerate(rows):
            holder = laid.builder.threads[rows[turn % 4]]
            if at == turn % 4:
                continue
            args = {"lock": "Lock 1", "outcome": "taken" if at == (turn + 1) % 4 else "given up"}
            args.update(function="write", file=FILE, line="12", held_by=holder.name)
            held = {"held_by_tid": holder.tid, "line": 12, "held_in": "write", "held_file": FILE, "held_line": 12}
            laid.slice(row, turn * 25, turn * 25 + 25, "Lock.acquire", Category.WAIT, args={**args, **held})
    return laid.builder.build(exit_status=0)
