"""loop-blocked: a loop could do nothing else for longer than a threshold. Knows no other question, prints nothing.

A coroutine that blocks often makes one finding, not hundreds: from MANY blocks on, its worst stands for all, with
their count and sum. The finding's own keys:

    task            the name of the task, null for a callback
    coroutine       what the task runs; of a callback, its function
    verdict         why it took so long: "unknown" until CPU times are recorded
    stack           where it was, innermost first: frames with function, file, line. Until stacks are sampled, the one
                    frame where the step stopped, or nothing
    delayed         the tasks that waited, each with task and by_s; the longest first, at most DELAYED_LISTED of them.
                    by_s is null for one that fell due in the block at a time that was not recorded (delays.py)
    delayed_count   how many they are in all
    count, total_s  how many blocks the finding stands for, and how long they were together
    unfinished      true where the recording ended inside the block: it lasted at least that long

`library` names an installed library in whose code the step *stopped* (that the time was spent there, only sampled stacks
can tell), or whose coroutine it was. `function`, `file`, `line` are the program's own code or null: a server's
coroutine that calls the program's handler is not the program's, and which handler it called was not seen.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from tracekit.analyze import code, words
from tracekit.analyze.blocks import Block, blocks
from tracekit.analyze.delays import Delay, Delays
from tracekit.analyze.finding import Finding, Severity
from tracekit.model.trace import Task, Trace

SLUG = "loop-blocked"

MANY = 4
DELAYED_LISTED = 100
FROZEN_NS = 1_000_000_000  # who uses a program takes it for dead after about a second: an error, not a warning

_CURE_STEP = (
    "While a step runs, its loop can run nothing else: call what blocks through `await asyncio.to_thread(...)`, "
    "give long computing to a ProcessPoolExecutor, or put an await into the long stretch."
)
_CURE_CALLBACK = (
    "While a callback runs, its loop can run nothing else: let it only start a task, or hand its work over with "
    "`loop.run_in_executor(...)`."
)


class Frame(NamedTuple):
    """A place in the code; "" and 0 for what is not known."""

    function: str
    file: str
    line: int


class Blame(NamedTuple):
    """What the trace knows of the code behind a block.

    Attributes:
        user: the place in the program's own code that is nearest to where the block stopped; empty where none was seen.
        stopped: where it stopped.
        other: a place in a library or in Python itself: where it stopped, else the coroutine; empty where none was seen.
        library: the library that `other` lies in.
    """

    user: Frame
    stopped: Frame
    other: Frame
    library: code.Library | None


_NOWHERE = Frame("", "", 0)


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each block of a loop longer than `threshold_ns`, or for all of one coroutine if they are many."""
    groups: defaultdict[tuple[str, str], list[Block]] = defaultdict(list)
    for block in blocks(trace, threshold_ns):
        groups[_culprit(trace, block)].append(block)
    if not groups:
        return []
    delays = Delays(trace)
    findings = []
    for alike in groups.values():
        told = [alike] if len(alike) >= MANY else [[block] for block in alike]
        findings += [_finding(trace, group, delays) for group in told]
    return findings


def _culprit(trace: Trace, block: Block) -> tuple[str, str]:
    """What makes two blocks alike, on whatever loop: the coroutine (or callback) with its file."""
    if block.task < 0:
        return f"callback {_name(trace, block)}", ""
    task = trace.tasks[block.task]
    return task.coroutine or task.name, task.file


def _finding(trace: Trace, alike: list[Block], delays: Delays) -> Finding:
    worst = max(alike, key=lambda block: block.duration)
    blame = _blame(trace, worst)
    delayed = delays.behind(worst)
    return Finding(
        slug=SLUG,
        severity=_severity(worst),
        start_s=worst.start / 1e9,
        duration_s=worst.duration / 1e9,
        track=trace.tracks[worst.track].name,
        sentence=_sentence(trace, alike, worst, blame, delayed),
        advice=_CURE_CALLBACK if worst.task < 0 else _CURE_STEP,
        function=blame.user.function,
        file=blame.user.file,
        line=blame.user.line,
        library=_library(blame),
        details=_details(trace, alike, worst, blame, delayed),
    )


def _severity(worst: Block) -> Severity:
    return "error" if worst.duration >= FROZEN_NS else "warning"


def _blame(trace: Trace, block: Block) -> Blame:
    index = int(trace.slices.args[block.slice])
    args = trace.args[index] if index >= 0 else {}
    line = args.get("line", 0)
    stopped = Frame(str(args.get("function", "")), str(args.get("file", "")), line if isinstance(line, int) else 0)
    begun = _NOWHERE
    if block.task >= 0:
        task = trace.tasks[block.task]
        begun = Frame(task.coroutine, task.file, task.line)
    if _is_users(stopped):
        return Blame(stopped, stopped, _NOWHERE, None)
    user = begun if _is_users(begun) else _NOWHERE
    others = [frame for frame in (stopped, begun) if frame.file and not _is_users(frame)]
    # What every program calls, asyncio.sleep for one, says less than the library that called it.
    other = next((frame for frame in others if code.library(frame.file)), others[0] if others else _NOWHERE)
    return Blame(user, stopped, other, code.library(other.file))


def _is_users(frame: Frame) -> bool:
    return bool(frame.file) and code.owner(frame.file) is code.Owner.USER


def _name(trace: Trace, block: Block) -> str:
    return trace.strings[int(trace.slices.name[block.slice])]


def _label(task: Task) -> str:
    return words.task_label(task.name, task.coroutine)


def _sentence(trace: Trace, alike: list[Block], worst: Block, blame: Blame, delayed: list[Delay]) -> str:
    turn = "callback" if worst.task < 0 else "step"
    least = "at least " if worst.unfinished else ""
    longest = f"{least}{words.duration(worst.duration)}"
    if len(alike) == 1:
        who, rest = _who(trace, worst), _where(blame, worst) + _waiting(trace, delayed) + _cut(worst)
        return f"{who} held the event loop for {longest} in one {turn}{rest}."
    total = words.duration(sum(block.duration for block in alike))
    tasks = len({block.task for block in alike})
    who = _kind(trace, worst) if tasks > 1 else _who(trace, worst)
    several = f" of {tasks} tasks" if tasks > 1 else ""
    processes = len({trace.threads[block.thread].process for block in alike})
    several += f" in {processes} processes" if processes > 1 else ""
    return (
        f"{who} held the event loop {len(alike)} times in {turn}s{several}, {total} in all, the longest "
        f"{longest}{_where(blame, worst)}{_waiting(trace, delayed)}{_cut(worst)}."
    )


def _who(trace: Trace, block: Block) -> str:
    if block.task >= 0:
        return _label(trace.tasks[block.task])
    return _kind(trace, block)


def _kind(trace: Trace, block: Block) -> str:
    if block.task >= 0:
        task = trace.tasks[block.task]
        return words.short_function(task.coroutine) or task.name
    return f"The callback {words.short_function(_name(trace, block))}"


def _where(blame: Blame, block: Block) -> str:
    """Only what is known: where a step stopped is not always where its time went."""
    user, other = blame.user, blame.other
    if not user.file:
        if not other.file:
            return ""
        whose = f"{blame.library.name}'s" if blame.library else "Python's own"
        running = words.short_function(other.function) or words.place(*other)
        return f", while running {whose} {running}; which function of the program it called, if any, was not seen"
    at = words.place(*user)
    if blame.library:
        return f", in {at}, which stopped inside {f'{blame.library.name} {blame.library.version}'.rstrip()}"
    return f", which stopped in {at}" if user is blame.stopped and block.task >= 0 else f", in {at}"


def _cut(worst: Block) -> str:
    return "; the recording ended inside it" if worst.unfinished else ""


def _waiting(trace: Trace, delayed: list[Delay]) -> str:
    """Who waited, as the end of a sentence."""
    known = [delay for delay in delayed if delay.by is not None]
    unknown = len(delayed) - len(known)
    if not delayed:
        return ""
    if not known:
        return f"; {words.count(unknown, 'task')} fell due meanwhile and had to wait, how long was not recorded"
    first = known[0]
    longest = f"{words.duration(first.by or 0)} ({_label(trace.tasks[first.task])})"
    waited = f"; {words.count(len(delayed), 'task')} waited for it, "
    waited += longest if len(delayed) == 1 else f"the longest {longest}"
    return waited + (f", {unknown} of them for a time that was not recorded" if unknown else "")


def _library(blame: Blame) -> dict[str, Any] | None:
    if blame.library is None:
        return None
    return {"name": blame.library.name, "version": blame.library.version or None, **blame.other._asdict()}


def _details(trace: Trace, alike: list[Block], worst: Block, blame: Blame, delayed: list[Delay]) -> dict[str, Any]:
    task = trace.tasks[worst.task] if worst.task >= 0 else None
    return {
        "task": task.name if task else None,
        "coroutine": task.coroutine if task else _name(trace, worst),
        "verdict": "unknown",
        "stack": [blame.stopped._asdict()] if blame.stopped.file else [],
        "delayed": [
            {"task": trace.tasks[delay.task].name, "by_s": None if delay.by is None else delay.by / 1e9}
            for delay in delayed[:DELAYED_LISTED]
        ],
        "delayed_count": len(delayed),
        "count": len(alike),
        "total_s": sum(block.duration for block in alike) / 1e9,
        "unfinished": worst.unfinished,
    }
