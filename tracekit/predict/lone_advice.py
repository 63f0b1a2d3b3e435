"""Lone advice: for a program that does one thing after another, of which no parts are told apart. Knows bounds, guesses no part.

What such a trace can tell is a bound: what it would take if the work were made of parts that need not wait for each other.
Whether it is, its author knows; which calls they are, a trace with spans, or with calls, would say.
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.thread_states import sampled, wanted
from tracekit.analyze.work_kinds import KindRow, kinds
from tracekit.model.trace import Trace
from tracekit.predict import model_advice, whatif
from tracekit.predict.counsel import Advice, Hot
from tracekit.predict.found import LEAST_NS, LEAST_SHARE, Found
from tracekit.predict.machine import Machine
from tracekit.predict.model_advice import Group
from tracekit.predict.parts import Kind, Work

_OTHERS = 0.2  # of its time: if other threads or processes ran for longer, it is not alone
_MUCH = 0.5
_FULL = 0.85
_TO_TELL = (
    "Mark the calls with `with tracekit.span(...)`, or record with --viztracer: then the trace tells which they are, and the "
    "advice is about them; --py-spy at least tells where they are."
)
_TO_TELL_MORE = (
    "Mark the calls with `with tracekit.span(...)`, or record with --viztracer: then the advice is about them."
)


def find(trace: Trace, work: Work, machine: Machine) -> Found:
    """What could be gained at most, and what to record to know more."""
    found = Found([], [], [])
    group = model_advice.hottest(work, machine) if work.traced_model in ("sequential", "asyncio") else None
    if group is None or not group.total:
        return found
    is_lone = len(work.strands) == 1
    if work.traced_model == "asyncio":
        if is_lone and group.kind == Kind.TIMER:
            found.fine.append(f"{model_advice.does(group)}: no model shortens that.")
    elif is_lone and _others(trace) > _OTHERS * work.wall_ns:
        _add_others(trace, work, found)
    elif is_lone and _sleeps(trace):
        found.fine.append("The program sleeps for most of its time: no model shortens that.")
    elif is_lone and group.needs[group.kind] >= _MUCH * group.total:
        _judge(trace, work, machine, group, found)
    return found


def _sleeps(trace: Trace) -> bool:
    """Whether the main thread asked to wait for most of its time."""
    rows = [row for row in trace.states if trace.threads[row.thread].main]
    return sum(row.sleep for row in rows) > _MUCH * sum(sampled(row) for row in rows)


def _judge(trace: Trace, work: Work, machine: Machine, group: Group, found: Found) -> None:
    model = "process-pool" if group.kind == Kind.GIL else "threads"
    own = [index for index, strand in enumerate(work.strands) if strand in group.strands]
    gained = whatif.gain((work, work.traced_model), (whatif.in_parts(work, own), model), machine)
    if gained.is_worth(max(LEAST_NS, LEAST_SHARE * work.wall_ns)):
        found.advice.append(_advice(trace, work, machine, group, model, gained))


def _others(trace: Trace) -> int:
    """How long other threads, and other processes of the same program, were there at most; a server that it asks is none.

    Of threads that somebody watched only the time counts in which they had something to run.
    """
    busy = {row.thread: wanted(row) for row in trace.states}
    command = next((row.command for row in trace.processes if row.parent is None), "")
    lives = [0]
    for at, thread in enumerate(trace.threads):
        process = trace.processes[thread.process]
        is_child = process.parent is not None
        if (is_child or not thread.main) and (not is_child or process.command in ("", command)):
            life = (trace.duration if thread.ended is None else thread.ended) - thread.started
            lives.append(busy.get(at, life))
    return max(lives)


def _add_others(trace: Trace, work: Work, found: Found) -> None:
    """It is divided already."""
    running = sum(row.running for row in trace.states)
    used = running / max(1, work.wall_ns)
    count = words.count(len(trace.processes), "process", "processes")
    said = f"The work goes on in {count} with {words.count(len(trace.threads), 'thread')}, which used {used:.2f} cores on average"
    if trace.cores and used >= _FULL * trace.cores:
        found.fine.append(
            f"{said} of the {trace.cores} that there are: only less computing, or more cores, would help."
        )
    else:
        found.unknown.append(
            f"{said}; what waits for what between them was not recorded, so that it cannot be told what another model would "
            "bring."
        )


def _advice(trace: Trace, work: Work, machine: Machine, group: Group, model: str, gained: whatif.Gain) -> Advice:
    row = _function(trace, group.kind)
    name, file, line = (
        (words.short_function(row.name), row.file, row.line) if row else (group.name, group.file, group.line)
    )
    where = words.place(name, file, line) if file else ""
    took, best = words.duration(group.needs[group.kind]), words.duration(work.wall_ns - gained.gain)
    hot = model_advice.hot(work, group)
    return Advice(
        hot=Hot(name, file, line, hot.kind, hot.seconds, hot.share),
        now=work.traced_model,
        model=model,
        change=_change(model, where, machine.cores, waits=group.kind in (Kind.IO, Kind.TIMER)),
        why=f"{model_advice.does(group)}, {took}, one thing after another. Were that ten equal parts that need not wait for each "
        f"other, it would take {best}. Whether they need each other's results, the trace does not say.",
        confidence="low",
        wall_before_s=work.wall_ns / 1e9,
        gain_low_s=0.0,
        gain_high_s=gained.gain / 1e9,
        costs=model_advice.costs(trace, machine, group, model, whatif.PARTS),
        to_be_sure=_TO_TELL if row is None else _TO_TELL_MORE,
    )


def _change(model: str, where: str, cores: int, waits: bool) -> str:
    many = whatif.PARTS if waits else max(1, cores)
    at = f" It is mostly in {where}." if where else ""
    if model == "threads":
        or_else = ", or as coroutines where the library has some" if waits else ""
        return (
            f"If its calls do not depend on each other, make them side by side: `with ThreadPoolExecutor({many}) as pool: "
            f"pool.map(...)`{or_else}.{at}"
        )
    return (
        "If what it computes comes in parts that do not depend on each other, give them to processes: `with "
        f"ProcessPoolExecutor() as pool: pool.map(...)`; threads would not help, they share one GIL.{at}"
    )


def _function(trace: Trace, kind: Kind) -> KindRow | None:
    """The function that most of the time of that kind was in, where functions were seen."""
    shares = {Kind.GIL: ("gil", "cpu"), Kind.FREE: ("native",), Kind.IO: ("io", "other"), Kind.TIMER: ("timer",)}[kind]
    rows = [row for row in kinds(trace) if row.what == "function" and row.file and row.name != "<module>"]
    if not rows:
        return None
    return max(rows, key=lambda row: row.total_ns * sum(row.shares.get(share, 0.0) for share in shares))
