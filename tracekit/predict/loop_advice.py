"""Loop advice: what to do about each culprit that blocks an event loop, and what that would bring. Knows blocks, and no model.

Out of the loop, but where to: to a process where it computes with the GIL, to a thread where it computes without it or waits.
What that brings is told in two numbers, for the program may take as long as before, while nobody waits for the loop any more.
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.cures import cure
from tracekit.analyze.stacks import users_frame
from tracekit.analyze.where import COMPUTING, UNSEEN
from tracekit.analyze.work_kinds import WORDS, kind_of
from tracekit.model.trace import Trace
from tracekit.predict import prices, whatif
from tracekit.predict.changes import out_of_loop
from tracekit.predict.counsel import Advice, Confidence, Hot
from tracekit.predict.found import LEAST_NS, LEAST_SHARE, Found
from tracekit.predict.machine import Machine
from tracekit.predict.parts import Strand, Work
from tracekit.predict.spots import Spot, crowds, spots

_SEEN = 0.4  # of a block
_MOSTLY = 0.6
_OTHERS_DOING = 0.5
_OFF = 0.15  # a simulation of what was traced that is further away from it than that tells nothing
_ENOUGH_THREAD = "a thread is enough"
_ELSEWHERE = ("to_thread", "ProcessPoolExecutor")
_COSTS_OF_AWAITING = (
    "Complexity: a plain function that waits becomes a coroutine, and so does all that calls it.",
    "Memory: next to none.",
)


def find(trace: Trace, work: Work, machine: Machine, threshold_ns: int) -> Found:
    """Advice for each culprit that blocks a loop for longer than `threshold_ns`, or else for who does with many short steps."""
    found = _judged(trace, work, machine, spots(trace, threshold_ns))
    if any(found):
        return found
    return Found(_judged(trace, work, machine, crowds(trace, threshold_ns)).advice, [], [])


def _judged(trace: Trace, work: Work, machine: Machine, culprits: list[Spot]) -> Found:
    found = Found([], [], [])
    for spot in culprits:
        _judge(trace, work, machine, spot, found)
    return found


def _judge(trace: Trace, work: Work, machine: Machine, spot: Spot, found: Found) -> None:
    what = _what(trace, spot)
    if spot.seen < _SEEN and spot.worst.verdict == "unknown" and not _known(spot):
        found.unknown.append(
            f"{what} held its event loop for {words.duration(spot.total)}, but nobody saw whether it computed or waited "
            "there, so that it cannot be told whether it belongs into a thread or into a process: record it with an observer "
            "(`tracekit run`, --rate 1000)."
        )
        return
    if spot.share("gil wait") >= _OTHERS_DOING:
        found.unknown.append(
            f"{what} held its event loop for {words.duration(spot.total)}, mostly because other threads had the GIL: it is "
            "not to blame, and moving it would not help; what they compute belongs into processes."
        )
        return
    where = _where_to(spot)
    gained = _gain(trace, work, machine, spot, where)
    late_after = max(spot.late_else, machine.job_ns if where == whatif.PROCESSES else 0)
    helps = spot.late - late_after >= max(LEAST_NS, spot.late / 4)
    if not helps and (gained is None or not gained.is_worth(max(LEAST_NS, LEAST_SHARE * work.wall_ns))):
        found.fine.append(
            f"{what} held its event loop for {words.duration(spot.worst.block.duration)}, but hardly anybody waited for it, and "
            "the program would take as long without that: it may stay as it is."
        )
        return
    found.advice.append(_advice(trace, work, machine, spot, where, gained, late_after))


def _where_to(spot: Spot) -> str:
    computes = spot.share(*COMPUTING)
    if computes < (1 - spot.share("gil wait")) / 2 and spot.seen >= _SEEN:
        return whatif.THREADS
    if spot.share("native") >= _MOSTLY * computes > 0 or _ENOUGH_THREAD in _known(spot):
        return whatif.THREADS
    return whatif.PROCESSES


def _known(spot: Spot) -> str:
    """What is known of the call that it was in, by the stack."""
    stack = spot.worst.blame.stack
    return cure(spot.worst.verdict, stack, users_frame(stack)) if spot.is_seen else ""


def _gain(trace: Trace, work: Work, machine: Machine, spot: Spot, where: str) -> whatif.Gain | None:
    """What it brings to the whole; None where the simulation cannot tell this culprit's work apart."""
    task = spot.worst.block.task
    if not work.traced_model.startswith("asyncio"):
        return None
    if work.exact:
        return whatif.gain((work, work.traced_model), (work, f"asyncio+{where}"), machine)
    if task < 0:
        return None
    group = trace.tasks[task].coroutine or trace.tasks[task].name
    least = min(case.block.duration for case in spot.cases) // 2

    def is_hot(strand: Strand, step: int) -> bool:
        own = sum(piece.ns for piece in strand.pieces if piece.step == step)
        return strand.group == group and not whatif.is_job(strand, step) and step > 0 and own >= least

    if not any(is_hot(strand, step) for strand in work.strands for step in range(len(strand.steps))):
        return None
    gained = whatif.gain(whatif.as_it_is(work), whatif.moved_out(work, is_hot, where), machine)
    return gained if abs(gained.before - work.wall_ns) <= _OFF * work.wall_ns else None


def _advice(
    trace: Trace, work: Work, machine: Machine, spot: Spot, where: str, gained: whatif.Gain | None, late_after: int
) -> Advice:
    wall = work.wall_ns / 1e9
    is_awaited = _is_awaited(spot, where)
    return Advice(
        hot=_hot(trace, spot),
        now=work.traced_model or "asyncio",
        model=_model(work, where, is_awaited),
        change=_change(trace, spot, where),
        why=_why(trace, spot, where),
        confidence=_confidence(spot, where),
        wall_before_s=wall,
        wall_after_s=None if gained is None else wall - gained.gain / 1e9,
        gain_s=None if gained is None else gained.gain / 1e9,
        gain_low_s=None if gained is None else gained.low / 1e9,
        gain_high_s=None if gained is None else gained.high / 1e9,
        late_before_s=spot.late / 1e9 if spot.late else None,
        late_after_s=late_after / 1e9 if spot.late else None,
        costs=_costs(trace, machine, spot, where, is_awaited),
        to_be_sure=_to_be_sure(spot, where),
    )


def _is_awaited(spot: Spot, where: str) -> bool:
    """Whether the change is to await what waits, without any thread."""
    known = _known(spot)
    return where == whatif.THREADS and "await " in known and not any(word in known for word in _ELSEWHERE)


def _costs(trace: Trace, machine: Machine, spot: Spot, where: str, is_awaited: bool) -> tuple[str, ...]:
    if is_awaited:
        return _COSTS_OF_AWAITING
    if where == whatif.PROCESSES:
        return prices.of_processes(trace, machine, 1)
    return prices.of_threads(spot.share("gil", "cpu") > 0.2)


def _model(work: Work, where: str, is_awaited: bool) -> str:
    if is_awaited:
        return work.traced_model or "asyncio"
    return "asyncio+processes" if where == whatif.PROCESSES else "asyncio+threads"


def _hot(trace: Trace, spot: Spot) -> Hot:
    whole = sum(spot.spent.values()) or 1
    shares = dict(sorted(((kind, ns / whole) for kind, ns in spot.spent.items()), key=lambda item: -item[1]))
    return Hot(
        name=_name(trace, spot),
        file=spot.place.file,
        line=spot.place.line,
        kind=kind_of({kind: share for kind, share in shares.items() if kind in WORDS or kind == UNSEEN}),
        seconds=spot.total / 1e9,
        share=spot.total / max(1, trace.duration),
    )


def _name(trace: Trace, spot: Spot) -> str:
    if spot.place.function:
        return words.short_function(spot.place.function)
    task = spot.worst.block.task
    if task < 0:
        return words.short_function(trace.strings[int(trace.slices.name[spot.worst.block.slice])])
    return words.short_function(trace.tasks[task].coroutine) or trace.tasks[task].name


def _what(trace: Trace, spot: Spot) -> str:
    return words.place(*spot.place) if spot.place.function else _name(trace, spot)


def _is_coroutine(trace: Trace, spot: Spot) -> bool:
    task = spot.worst.block.task
    return task >= 0 and trace.tasks[task].coroutine == spot.place.function


def _change(trace: Trace, spot: Spot, where: str) -> str:
    what, name = _what(trace, spot), _name(trace, spot)
    known = _known(spot)
    if where == whatif.THREADS and known and _ENOUGH_THREAD not in known:
        return f"{what}: {known}"
    return out_of_loop(what, name, where == whatif.PROCESSES, _is_coroutine(trace, spot))


def _why(trace: Trace, spot: Spot, where: str) -> str:
    once = "once" if len(spot.cases) == 1 else f"{len(spot.cases)} times"
    longest = "" if len(spot.cases) == 1 else f", the longest {words.duration(spot.worst.block.duration)}"
    held = f"{_name(trace, spot)} held the event loop {once}, for {words.duration(spot.total)}{longest}"
    held += ", none long enough to block it alone" if spot.is_crowd else ""
    waited = f"; {words.count(spot.victims, 'task')} waited for it" if spot.victims else ""
    if where == whatif.PROCESSES:
        with_gil = (
            f" with the GIL ({spot.share('gil'):.0%} of the time), which a thread would keep from the loop as well"
        )
        told = spot.share("gil") >= _MOSTLY
        doing = f"It computed{with_gil if told else ', whether with the GIL was not seen'}."
    elif spot.share(*COMPUTING) >= 0.5 or _ENOUGH_THREAD in _known(spot):
        doing = "It computed without the GIL, so that a thread is enough."
    elif _is_awaited(spot, where):
        doing = "It waited, and what can be awaited keeps nobody from the loop."
    else:
        doing = "It waited, and a thread can do that as well."
    return f"{held}{waited}. {doing}"


def _confidence(spot: Spot, where: str) -> Confidence:
    told = spot.share("gil", "native") >= _MOSTLY * spot.share(*COMPUTING)
    known = (where == whatif.THREADS or told) and (spot.is_seen or not spot.is_crowd)
    if spot.seen < _SEEN:
        return "low"
    return "high" if known and spot.seen >= _MOSTLY and spot.place.file else "medium"


def _to_be_sure(spot: Spot, where: str) -> str:
    if spot.seen < _SEEN:
        return "Record it with an observer that looks more often: `tracekit run --rate 1000`."
    if where == whatif.PROCESSES and spot.share("cpu") > 0.5:
        return (
            "Whether it computed with the GIL was not seen; without it a thread would be enough: record it with --rate 1000, or "
            "with --py-spy."
        )
    if spot.is_crowd and not spot.is_seen:
        return (
            "Which of its lines takes the time was not seen, since its steps are short: record it with `tracekit run "
            "--threshold 10ms`."
        )
    return ""
