"""Model advice: whether the program's work would be over sooner under another model, and why. Knows no blocks of a loop.

Every model that the program could do without another library is simulated, and the simplest among the best is advised, if it
brings more than noise. Where none does, that is said, with what bounds the time.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tracekit.analyze import words
from tracekit.analyze.place import Place
from tracekit.model.trace import Trace
from tracekit.predict import prices, whatif
from tracekit.predict.changes import MOST_THREADS, if_independent, out_of_loop, side_by_side, to_model
from tracekit.predict.counsel import Advice, Confidence, Hot
from tracekit.predict.found import LEAST_NS, LEAST_SHARE, Found
from tracekit.predict.machine import Machine
from tracekit.predict.parts import A_CORE, Kind, Prediction, Strand, Work
from tracekit.predict.simulate import simulate

# The simplest first.
SIMPLEST = ("thread-pool", "threads", "asyncio", "process-pool", "asyncio+threads", "asyncio+processes")
_OF_LOOPS = ("asyncio+threads", "asyncio+processes")
_MORE_AT_ONCE = ("threads", *_OF_LOOPS)  # than a pool lets
_ALIKE = 1.05  # as good as the best
_OFF = 0.15  # a simulation of what was traced that is further away from it than that is not to be trusted
_MUCH = 0.2
_KINDS = {
    Kind.GIL: "computing under the GIL",
    Kind.FREE: "computing without the GIL",
    Kind.IO: "waiting for the outside",
    Kind.TIMER: "waiting for timers",
}
_WITHOUT_POOL = {"thread-pool": "threads", "process-pool": "processes"}
_WITH_PROCESSES = ("process-pool", "asyncio+processes", "processes")


class Group(NamedTuple):
    """Strands that run the same.

    Attributes:
        needs: ns of each kind of work, all strands together.
        on_path: ns of the longest chain that go to their account.
        is_looped: whether an event loop runs them.
    """

    name: str
    file: str
    line: int
    strands: list[Strand]
    needs: dict[Kind, int]
    on_path: int
    is_looped: bool

    @property
    def total(self) -> int:
        return sum(self.needs.values())

    @property
    def kind(self) -> Kind:
        """What they do most; of what runs on a loop, what keeps it from others, where that is more than a moment."""
        computing = [kind for kind in (Kind.GIL, Kind.FREE) if self.is_looped and self.needs.get(kind, 0) >= LEAST_NS]
        return max(computing or self.needs, key=lambda kind: self.needs[kind], default=Kind.IO)

    @property
    def computes(self) -> bool:
        """Whether they mostly compute, so that more of them at once than cores bring nothing."""
        return self.needs.get(Kind.GIL, 0) + self.needs.get(Kind.FREE, 0) > self.total / 2

    @property
    def what(self) -> str:
        """As a person finds it."""
        return words.place(self.name, self.file, self.line) if self.file else self.name


def candidates(work: Work) -> tuple[str, ...]:
    """The models that the program might be changed to."""
    if work.traced_model.startswith("asyncio"):
        return tuple(model for model in _OF_LOOPS if model != work.traced_model)
    return tuple(model for model in SIMPLEST if model != work.traced_model)


def find(trace: Trace, work: Work, machine: Machine, predicted: list[Prediction], is_sure: bool = True) -> Found:
    """Advice to take another model for all of the work, or why not.

    Args:
        predicted: of the models that the program might be changed to, and of the traced one.
        is_sure: whether enough is known of what it waited for to call it fine.
    """
    found = Found([], [], [])
    group = hottest(work, machine)
    if group is None:
        return found
    is_full = _is_full(trace, work, machine, group)
    if is_full:
        predicted = [row for row in predicted if row.model not in _MORE_AT_ONCE]
    chosen = _chosen(work, predicted)
    gained = whatif.gain((work, work.traced_model), (work, chosen), machine) if chosen else None
    if gained is not None and gained.is_worth(max(LEAST_NS, LEAST_SHARE * work.wall_ns)):
        found.advice.append(_advice(trace, work, machine, group, chosen, gained))
    elif is_sure:
        crowd = " More threads than cores bring little to what computes." if is_full else ""
        found.fine.append(f"{_fine(trace, work, group, predicted)}{crowd}")
    return found


def _is_full(trace: Trace, work: Work, machine: Machine, group: Group) -> bool:
    """Whether a pool's threads mostly compute, and are as many as there are cores: more at once would only be in their way."""
    workers = work.workers or workers_of(trace) or machine.cores
    return work.traced_model == "thread-pool" and group.computes and workers >= machine.cores


def hottest(work: Work, machine: Machine) -> Group | None:
    """The strands, alike, that the longest chain of the work as it is goes through for the longest time."""
    outcome = simulate(work, work.traced_model, machine)
    on_path: Counter[str] = Counter()
    for stretch in outcome.path:
        if stretch.strand >= 0:
            on_path[work.strands[stretch.strand].group] += stretch.ns
    groups = groups_of(work, on_path)
    return max(groups, key=lambda group: (group.on_path, group.total), default=None)


def groups_of(work: Work, on_path: Counter[str]) -> list[Group]:
    """All groups of a work."""
    members: dict[str, list[Strand]] = {}
    for strand in work.strands:
        if not strand.every_ns:
            members.setdefault(strand.group, []).append(strand)
    is_looped = work.traced_model.startswith("asyncio")
    return [_group(name, strands, on_path[name], is_looped) for name, strands in members.items()]


def _group(name: str, strands: list[Strand], on_path: int, is_looped: bool) -> Group:
    needs: Counter[Kind] = Counter()
    for strand in strands:
        for piece in strand.pieces:
            needs[piece.kind] += piece.ns
    return Group(*_place(name, strands), strands, dict(needs), on_path, is_looped)


def _place(name: str, strands: list[Strand]) -> Place:
    """Where it is in the code, as far as its steps say; a call that was recorded says it in its name."""
    steps = [step for strand in strands for step in strand.steps]
    # The program's own before those of a library: what asyncio.to_thread was given says more than that.
    for step in sorted(steps, key=lambda step: not Place(step.name, step.file).is_users):
        if step.file:
            name = words.short_function(step.name)
            # A module or a comprehension has no name; it is found by its line.
            return Place("" if name.startswith("<") else name, step.file, step.line)
    called = name or next((step.name for step in steps if step.name), "")
    said = Place.read(called)
    return said if said.file else Place(words.short_function(called))


def _chosen(work: Work, predicted: list[Prediction]) -> str:
    """The simplest of the best; "" where none is better than what it is."""
    walls = {row.model: row.wall_s for row in predicted}
    now = walls.pop(work.traced_model, None)
    if now is None or not walls:
        return ""
    best = min(walls.values())
    good = [model for model in SIMPLEST if walls.get(model, now) <= best * _ALIKE]
    return good[0] if best < now else ""


def _advice(trace: Trace, work: Work, machine: Machine, group: Group, model: str, gained: whatif.Gain) -> Advice:
    wall = work.wall_ns
    scale = wall / max(1, gained.before)  # the simulation of what was traced may take longer than that, or less
    late_before, late_after = _late(work, gained)
    return Advice(
        hot=hot(work, group),
        now=work.traced_model,
        model=model,
        change=_change(trace, work, machine, group, model),
        why=_why(group, gained),
        confidence=confidence(work, gained),
        wall_before_s=wall / 1e9,
        wall_after_s=(wall - gained.gain * scale) / 1e9,
        gain_s=gained.gain * scale / 1e9,
        gain_low_s=gained.low * scale / 1e9,
        gain_high_s=min(wall, gained.high * scale) / 1e9,
        late_before_s=late_before,
        late_after_s=late_after,
        costs=costs(trace, machine, group, model, len(group.strands)),
        to_be_sure=" ".join(
            f"{note[:1].upper()}{note[1:]}." for note in work.notes if "record" in note or "nobody" in note
        ),
    )


def _change(trace: Trace, work: Work, machine: Machine, group: Group, model: str) -> str:
    many = len(group.strands)
    most = max(1, machine.cores) if group.computes else MOST_THREADS
    if work.traced_model == "sequential" and _starts_programs(trace, group):
        return if_independent(side_by_side(group.what, many, most), "programs")
    workers = work.workers or workers_of(trace)
    # As few at a time as in a pool, but without one.
    now = work.traced_model if trace.pools else _WITHOUT_POOL.get(work.traced_model, work.traced_model)
    if group.is_looped and any(words.short_function(task.coroutine) == group.name for task in trace.tasks):
        return out_of_loop(group.what, group.name, model == "asyncio+processes", is_coroutine=True)
    change = to_model(now, model, group.what, group.name or "work", many, workers, most)
    return if_independent(change) if _may_depend(work) else change


def _may_depend(work: Work) -> bool:
    """Whether parts went on one after another, and nobody said that they need not."""
    return work.traced_model == "sequential" and not work.exact


def _starts_programs(trace: Trace, group: Group) -> bool:
    """Whether it is a line that starts other programs."""
    others = [row for row in trace.processes if row.command != trace.processes[0].command]
    return bool(group.file) and any(Place.read(row.started_at)[1:] == (group.file, group.line) for row in others)


def _late(work: Work, gained: whatif.Gain) -> tuple[float | None, float | None]:
    """How long whoever was due waited at worst, and will; None where that is nobody, or as short as before."""
    before = gained.late_before if work.late_ns is None else work.late_ns
    is_nobody = work.traced_model == "sequential" and work.late_ns is None
    if is_nobody or before - gained.late_after < LEAST_NS:
        return None, None
    return before / 1e9, gained.late_after / 1e9


def hot(work: Work, group: Group) -> Hot:
    """A group as a hot spot."""
    share = group.total / max(1, work.wall_ns)
    return Hot(group.name, group.file, group.line, _KINDS[group.kind], group.total / 1e9, share)


def confidence(work: Work, gained: whatif.Gain) -> Confidence:
    """How sure it is: by how near to what was traced the simulation of that comes, and how much was seen."""
    off = abs(gained.before - work.wall_ns) / max(1, work.wall_ns)
    if off > 2 * _OFF or gained.low < gained.gain / 4:
        return "low"
    untold = any("too little" in note or "nobody" in note for note in work.notes)
    is_clear = off <= _OFF and not untold and gained.low > gained.gain / 2
    return "high" if is_clear and not _may_depend(work) else "medium"


def costs(trace: Trace, machine: Machine, group: Group, model: str, many: int) -> tuple[str, ...]:
    """What it costs to go to a model with so many parts."""
    if model in _WITH_PROCESSES:
        steps = [step for strand in group.strands for step in strand.steps]
        passed = sum(step.given.bytes + step.result.bytes for step in steps)
        return prices.of_processes(trace, machine, min(machine.cores, max(1, many)), passed)
    if model == "asyncio":
        return prices.of_coroutines()
    return prices.of_threads(group.needs.get(Kind.GIL, 0) > group.total / 5)


def workers_of(trace: Trace) -> int:
    """How many workers the pool may have that was given most to do."""
    return max(trace.pools, key=lambda pool: pool.submitted).limit if trace.pools else 0


def _why(group: Group, gained: whatif.Gain) -> str:
    many = f"{len(group.strands)} of them" if len(group.strands) > 1 else "it"
    took = words.duration(group.total)
    return f"{does(group)}: {many} took {took} together, as they are alone. {said_bound(gained.path, 'Afterwards')}"


def does(group: Group) -> str:
    """What a group does most, as the beginning of a sentence."""
    kind, whole = group.kind, max(1, group.total)
    # What keeps a loop from others, but only where that is not next to nothing.
    if group.needs and group.needs[kind] < _MUCH * whole:
        kind = max(group.needs, key=lambda kind: group.needs[kind])
    return f"{group.what or 'The program'} is {group.needs.get(kind, 0) / whole:.0%} {_KINDS[kind]}"


def said_bound(path: dict[str, int], when: str) -> str:
    """What bounds the time, in a sentence."""
    whole = sum(path.values()) or 1
    parts = [f"{ns / whole:.0%} {word}" for word, ns in path.items() if ns >= whole / 10]
    return f"{when} the longest chain is {words.listed(parts)}." if parts else ""


def _fine(trace: Trace, work: Work, group: Group, predicted: list[Prediction]) -> str:
    """Why it may stay as it is."""
    rows = {row.model: row for row in predicted}
    now = rows.pop(work.traced_model)
    best = min(rows.values(), key=lambda row: row.wall_s)
    limit = said_bound({word: round(seconds * 1e9) for word, seconds in now.bound.items()}, "As it is,")
    cores = " It uses all the cores that there are." if now.bound.get(A_CORE, 0.0) >= _MUCH * now.wall_s else ""
    return (
        f"{does(group)}. It may stay as it is, {work.traced_model}: by simulation that takes {_s(now.wall_s)}, and the best "
        f"other model, {best.model}, {_s(best.wall_s)}. {limit}{cores}{_lighter(trace, work, group, rows, now)}"
    )


def _lighter(trace: Trace, work: Work, group: Group, rows: dict[str, Prediction], now: Prediction) -> str:
    """That threads would do as well as processes do, for less memory."""
    alike = [
        model for model in ("thread-pool", "threads") if model in rows and rows[model].wall_s <= now.wall_s * _ALIKE
    ]
    if work.traced_model not in _WITH_PROCESSES or not alike or _starts_programs(trace, group):
        return ""
    return f" Threads ({alike[0]}) would take about as long, and save the memory of {prices.weight(trace)}."


def _s(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
