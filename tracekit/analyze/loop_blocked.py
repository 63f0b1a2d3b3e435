"""loop-blocked: a loop could do nothing else for longer than a threshold. Knows no other question, prints nothing.

Blocks of one culprit make one finding, not hundreds: from MANY on, the worst stands for all, with their count and sum.
The culprit is the program's function that the stacks show, and without stacks the coroutine. The finding's own keys:

    task            the name of the task, null for a callback
    coroutine       what the task runs; of a callback, its function
    verdict         why it took so long: cpu, syscall, gil, preempted, mixed, unknown (verdict.py)
    shares          what part of the sampled time each of the first four took; {} where nothing was sampled
    stack           where it was, innermost first: frames with function, file, line. The stack of most of the samples; without
                    samples the one frame where the step stopped, or nothing
    samples         how many stacks were sampled, and
    agreeing        how many of them were in the same function of the program
    holders         of a verdict gil: the threads that were seen to hold it
    delayed         the tasks that waited, each with task and by_s; the longest first, at most DELAYED_LISTED of them.
                    by_s is what the blocks took of its longest wait, through all of them that it waited through without
                    a turn (waiters.py); null for one that fell due in a block at a time that was not recorded (delays.py)
    delayed_count   how many they are in all, of all the blocks
    count, total_s  how many blocks the finding stands for, and how long they were together
    unfinished      true where the recording ended inside the block: it lasted at least that long

`library` names the installed library that the program called and that the time was spent in. Without stacks it is one in
whose code the step *stopped* (that is not the same), or whose coroutine it was. `function`, `file`, `line` are the
program's own code or null: without stacks, a server's coroutine that calls the program's handler is not the program's,
and which handler it called was not seen.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from tracekit.analyze import words
from tracekit.analyze.blame import Blame, blame
from tracekit.analyze.blocks import Block, blocks
from tracekit.analyze.cures import cure
from tracekit.analyze.delays import Delay
from tracekit.analyze.finding import Finding, Severity
from tracekit.analyze.stacks import Stacks, users_frame
from tracekit.analyze.verdict import MIXED, PREEMPTED, parts, verdict
from tracekit.analyze.waiters import Waiters
from tracekit.analyze.where import COMPUTING, Where
from tracekit.model.trace import Args, Task, Trace

SLUG = "loop-blocked"

MANY = 4
DELAYED_LISTED = 100
HOLDERS_NAMED = 3
FROZEN_NS = 1_000_000_000  # who uses a program takes it for dead after about a second: an error, not a warning

_CURE_STEP = (
    "While a step runs, its loop can run nothing else: call what blocks through `await asyncio.to_thread(...)`, "
    "give long computing to a ProcessPoolExecutor, or put an await into the long stretch."
)
_CURE_CALLBACK = (
    "While a callback runs, its loop can run nothing else: let it only start a task, or hand its work over with "
    "`loop.run_in_executor(...)`."
)
_DOING = {
    "cpu": "computing",
    "syscall": "waiting in a system call",
    "gil": "waiting for the GIL",
    PREEMPTED: "waiting for a processor that the machine had given to others",
}
_WORTH_SAYING = 0.2  # of the time
_MOSTLY = 0.6


class Case(NamedTuple):
    """A block, and what is known of why."""

    block: Block
    blame: Blame
    verdict: str
    shares: dict[str, float]


def find(trace: Trace, threshold_ns: int) -> list[Finding]:
    """One finding for each block of a loop longer than `threshold_ns`, or for all of one culprit if they are many."""
    culprits = cases(trace, threshold_ns)
    if not culprits:
        return []
    waiters, stacks, where = Waiters(trace), Stacks(trace), Where(trace)
    findings = []
    for alike in culprits:
        told = [alike] if len(alike) >= MANY else [[case] for case in alike]
        findings += [_finding(trace, group, waiters, stacks, where) for group in told]
    return findings


def cases(trace: Trace, threshold_ns: int) -> list[list[Case]]:
    """The blocks longer than `threshold_ns`, those of one culprit together."""
    found = blocks(trace, threshold_ns)
    if not found:
        return []
    stacks = Stacks(trace)
    groups: defaultdict[tuple[Any, ...], list[Case]] = defaultdict(list)
    for block in found:
        case = _case(trace, block, stacks, threshold_ns)
        groups[_culprit(trace, case)].append(case)
    return list(groups.values())


def _case(trace: Trace, block: Block, stacks: Stacks, threshold_ns: int) -> Case:
    index = int(trace.slices.args[block.slice])
    args: Args = trace.args[index] if index >= 0 else {}
    shares = {name: round(share, 3) for name, share in parts(args).items()}
    judged = verdict(args, block.end - block.start, threshold_ns)
    return Case(block, blame(trace, block, stacks.during(block)), judged, shares)


def _culprit(trace: Trace, case: Case) -> tuple[Any, ...]:
    """What makes two blocks alike, on whatever loop. What the machine did is never put down to the program."""
    block, user = case.block, case.blame.user
    innocent = case.verdict == PREEMPTED
    if case.blame.sampled is not None and user.file:
        return innocent, user.function, user.file
    if block.task < 0:
        return innocent, f"callback {_name(trace, block)}", ""
    task = trace.tasks[block.task]
    return innocent, task.coroutine or task.name, task.file


def _finding(trace: Trace, alike: list[Case], waiters: Waiters, stacks: Stacks, where: Where) -> Finding:
    worst = max(alike, key=lambda case: case.block.duration)
    block, user = worst.block, worst.blame.user
    delayed = waiters.behind([case.block for case in alike])
    holders = stacks.holders(block) if worst.verdict == "gil" else []
    return Finding(
        slug=SLUG,
        severity=_severity(worst),
        start_s=block.start / 1e9,
        duration_s=block.duration / 1e9,
        track=trace.tracks[block.track].name,
        sentence=_sentence(trace, alike, worst, delayed, holders),
        advice=_advice(worst, where),
        function=user.function,
        file=user.file,
        line=user.line,
        library=_library(worst.blame),
        details=_details(trace, alike, worst, delayed, holders),
    )


def _severity(worst: Case) -> Severity:
    if worst.verdict == PREEMPTED:
        return "info"
    return "error" if worst.block.duration >= FROZEN_NS else "warning"


def _advice(worst: Case, where: Where) -> str:
    block = worst.block
    stack = worst.blame.stack if worst.blame.sampled is not None else ()
    spent = where.of(block.thread, block.start, block.end)
    is_unlocked = spent["native"] > _MOSTLY * sum(spent[kind] for kind in COMPUTING)
    special = cure(worst.verdict, stack, users_frame(stack), is_unlocked)
    return special or (_CURE_CALLBACK if worst.block.task < 0 else _CURE_STEP)


def _name(trace: Trace, block: Block) -> str:
    return trace.strings[int(trace.slices.name[block.slice])]


def _label(task: Task) -> str:
    return words.task_label(task.name, task.coroutine)


def _sentence(trace: Trace, alike: list[Case], worst: Case, delayed: list[Delay], holders: list[str]) -> str:
    block = worst.block
    turn = "callback" if block.task < 0 else "step"
    least = "at least " if block.unfinished else ""
    longest = f"{least}{words.duration(block.duration)}"
    rest = _where(worst) + _why(worst, holders) + _waiting(trace, delayed, block) + _cut(block)
    if len(alike) == 1:
        return f"{_who(trace, block)} held the event loop for {longest} in one {turn}{rest}."
    total = words.duration(sum(case.block.duration for case in alike))
    tasks = len({case.block.task for case in alike})
    who = _kind(trace, block) if tasks > 1 else _who(trace, block)
    several = f" of {tasks} tasks" if tasks > 1 else ""
    processes = len({trace.threads[case.block.thread].process for case in alike})
    several += f" in {processes} processes" if processes > 1 else ""
    return f"{who} held the event loop {len(alike)} times in {turn}s{several}, {total} in all, the longest {longest}{rest}."


def _who(trace: Trace, block: Block) -> str:
    if block.task >= 0:
        return _label(trace.tasks[block.task])
    return _kind(trace, block)


def _kind(trace: Trace, block: Block) -> str:
    if block.task >= 0:
        task = trace.tasks[block.task]
        return words.short_function(task.coroutine) or task.name
    return f"The callback {words.short_function(_name(trace, block))}"


def _where(case: Case) -> str:
    if case.blame.sampled is not None:
        return _where_seen(case.blame)
    return _where_stopped(case.blame, case.block)


def _where_seen(blame: Blame) -> str:
    """Where its time went, as stacks show."""
    user, other = blame.user, blame.other
    inside = ""
    if blame.library is not None:
        named = f"{blame.library.name} {blame.library.version}".rstrip()
        inside = f", inside {named}'s {words.place(*other)}"
    elif other.file and not user.file:
        inside = f", inside Python's own {words.place(*other)}"
    return (f", in {words.place(*user)}" if user.file else "") + inside


def _where_stopped(blame: Blame, block: Block) -> str:
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


def _why(case: Case, holders: list[str]) -> str:
    if case.verdict in _DOING:
        doing = _DOING[case.verdict]
    elif case.verdict == MIXED:
        own = [item for item in case.shares.items() if item[0] != PREEMPTED]
        largest = sorted(own, key=lambda item: -item[1])[:2]
        doing = " and ".join(f"{share:.0%} {_DOING[name]}" for name, share in largest)
    else:
        return ""
    held = f", which {words.listed(holders[:HOLDERS_NAMED])} held" if holders else ""
    waited = case.shares[PREEMPTED]
    if case.verdict != PREEMPTED and waited >= _WORTH_SAYING:
        held += f" ({waited:.0%} of the time it had no processor)"
    return f", {doing}{held}"


def _cut(worst: Block) -> str:
    return "; the recording ended inside it" if worst.unfinished else ""


def _waiting(trace: Trace, delayed: list[Delay], worst: Block) -> str:
    """Who waited, as the end of a sentence."""
    known = [delay for delay in delayed if delay.by is not None]
    unknown = len(delayed) - len(known)
    if not delayed:
        return ""
    if not known:
        return f"; {words.count(unknown, 'task')} fell due meanwhile and had to wait, how long was not recorded"
    first = known[0]
    longest = f"{words.duration(first.by or 0)} ({_label(trace.tasks[first.task])})"
    longest += ", through several of these" if (first.by or 0) > worst.end - worst.start else ""
    waited = f"; {words.count(len(delayed), 'task')} waited for it, "
    waited += longest if len(delayed) == 1 else f"the longest {longest}"
    return waited + (f", {unknown} of the tasks for a time that was not recorded" if unknown else "")


def _library(blame: Blame) -> dict[str, Any] | None:
    if blame.library is None:
        return None
    return {"name": blame.library.name, "version": blame.library.version or None, **blame.other._asdict()}


def _details(trace: Trace, alike: list[Case], worst: Case, delayed: list[Delay], holders: list[str]) -> dict[str, Any]:
    block, sampled = worst.block, worst.blame.sampled
    task = trace.tasks[block.task] if block.task >= 0 else None
    return {
        "task": task.name if task else None,
        "coroutine": task.coroutine if task else _name(trace, block),
        "verdict": worst.verdict,
        "shares": worst.shares,
        "stack": [frame._asdict() for frame in worst.blame.stack],
        "samples": sampled.samples if sampled else 0,
        "agreeing": sampled.agreeing if sampled else 0,
        "holders": holders,
        "delayed": [
            {"task": trace.tasks[delay.task].name, "by_s": None if delay.by is None else delay.by / 1e9}
            for delay in delayed[:DELAYED_LISTED]
        ],
        "delayed_count": len(delayed),
        "count": len(alike),
        "total_s": sum(case.block.duration for case in alike) / 1e9,
        "unfinished": block.unfinished,
    }
