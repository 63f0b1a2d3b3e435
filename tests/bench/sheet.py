"""Sheet: the figures as tables that a person likes to read. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import locks
import loops
import probes
from asked import Asked
from clocks import Error
from contention import Said, average
from kills import Lost
from processes import Pairs
from rounds import Figures, Spread, less, ratio
from watchers import BUSY, QUIET, Taken
from weights import Weighed


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A title, and rows below their heads; the first column is text, the others stand right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = [title, _line(heads, widths), "-" * (sum(widths) + 2 * len(widths) - 2)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows), ""])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if not at else f"{cell:>{width}}" for at, (cell, width) in enumerate(zip(cells, widths))
    )
    return "  ".join([first, *rest]).rstrip()


def ns(number: float) -> str:
    """A time with as many digits as mean something."""
    return f"{number:,.1f}" if abs(number) < 100 else f"{number:,.0f}"


def spread(costs: Sequence[float]) -> str:
    """The middle half."""
    found = Spread.of(costs)
    return f"{ns(found.low)} .. {ns(found.high)}"


def asked(rows: list[Asked]) -> str:
    """What was asked for, and whether it was reached."""
    cells = [(row.what, row.asked, row.measured, row.floor, row.reached) for row in rows]
    return table("Asked and measured", ("", "asked", "measured", "floor", "reached"), cells)


def probe_costs(figures: Figures, other: str) -> str:
    """Every probe beside its floor.

    Args:
        figures: of the probes on both cores.
        other: the prefix of the keys of the other core; "" where there is none.
    """
    heads = ["probes, ns", "floor", "session", "middle half", "x floor", "no session", "x floor"]
    heads += ["Python: session", "no session"] if other else []
    rows = []
    for row in probes.ROWS:
        floor, on, off = (probes.costs(figures, row, variant) for variant in (probes.FLOOR, probes.ON, probes.OFF))
        cells = [*_recorded(row.name, floor, on), ns(median(off)), f"{ratio(off, floor):.2f}"]
        if other:
            cells += [ns(median(other_costs(figures, row, other, variant))) for variant in (probes.ON, probes.OFF)]
        rows.append(cells)
        if row is probes.HOT:
            rows += [cells + [""] * (len(heads) - len(cells)) for cells in _special(figures)]
    title = "What a probe costs; of @trace what it adds to the call"
    return table(title, heads, rows)


def _recorded(name: str, floor: list[float], on: list[float]) -> list[str]:
    return [name, ns(median(floor)), ns(median(on)), spread(on), f"{ratio(on, floor):.2f}"]


def _special(figures: Figures) -> Iterator[list[str]]:
    """The variants that only the first row has."""
    for variant, base in ((probes.WARM, probes.WARM_FLOOR), (probes.FLIGHT, probes.FLOOR)):
        on = figures.get(probes.key(probes.HOT, variant))
        if on:
            yield _recorded(f"  {variant}", figures[probes.key(probes.HOT, base)], on)


def other_costs(figures: Figures, row: probes.Row, other: str, variant: str) -> list[float]:
    """What a variant costs on the other core."""
    whole = other + probes.key(row, variant)
    return less(figures, whole, other + probes.key(row, probes.PLAIN)) if row.plain else figures[whole]


def rival_costs(title: str, names: Sequence[tuple[str, list[float]]]) -> str:
    """One probe among its rivals, the cheapest first.

    Args:
        title: of the table.
        names: what to call each, and its costs, round by round; the floor first, then ours.
    """
    (_, floor), (_, ours), *_ = names
    rows = [
        (name, ns(median(costs)), spread(costs), f"{ratio(costs, floor):,.1f}", f"{ratio(costs, ours):,.2f}")
        for name, costs in sorted(names, key=lambda item: median(item[1]))
    ]
    return table(title, ("ns", "median", "middle half", "x floor", "x tracekit"), rows)


def loop_costs(figures: Figures) -> str:
    """Threads and event loops."""
    rows = []
    for name, base, variants in (
        (loops.SPINNING, loops.FLOOR, (loops.OFF, loops.ON)),
        *((name, loops.OFF, (loops.ON, loops.VIZTRACER, loops.DEBUG)) for name in loops.LOOPS),
    ):
        plain = figures[f"{name}: {base}"]
        rows.append((f"{name}: {base}", ns(median(plain)), spread(plain), ""))
        for variant in variants:
            costs = figures.get(f"{name}: {variant}")
            if costs:
                rows.append((f"  {variant}", ns(median(costs)), spread(costs), f"{ratio(costs, plain):.2f}x"))
    return table("Threads and event loops, ns for one span, step or hop", ("", "median", "middle half", ""), rows)


def lock_costs(figures: Figures) -> str:
    """Locks that are free, and a wait for one that is not."""
    rows = []
    for name in locks.NAMES:
        plain, watched = figures[f"{name}: {locks.OFF}"], figures[f"{name}: {locks.ON}"]
        rows.append((name, ns(median(plain)), ns(median(watched)), spread(watched), f"{ratio(watched, plain):.2f}x"))
    return table("Locks, ns for one turn or hop", ("", locks.OFF, locks.ON, "middle half", ""), rows)


def process_costs(found: dict[str, Pairs]) -> str:
    """Forks, starts, whole runs."""
    rows = []
    for name, pairs in found.items():
        plain, added = [pair[0] * 1e3 for pair in pairs], [(pair[1] - pair[0]) * 1e3 for pair in pairs]
        rows.append((name, f"{median(plain):,.1f}", f"{median(added):,.1f}", spread(added)))
    return table("Processes, ms", ("", "plain", "a session adds", "middle half"), rows)


def weights(found: dict[str, Weighed]) -> str:
    """What a process, a thread and a task take."""
    lightest = min(of["start_s"] for of in found.values())
    rows = [
        (
            name,
            ns(of["start_s"] * 1e6),
            f"{ns(of['low_s'] * 1e6)} .. {ns(of['high_s'] * 1e6)}",
            f"{of['start_s'] / lightest:,.0f}",
            ns(of["pss"] / 1e3),
            ns(of["rss"] / 1e3),
        )
        for name, of in found.items()
    ]
    heads = ("", "start-up, µs", "middle half", "x a task's", "memory, kB", "its RSS, kB")
    return table("What a task, a thread and a process weigh, without tracekit", heads, rows)


def contention(found: dict[tuple[str, str], list[Said]]) -> str:
    """What is said of threads that compete, and of threads that sleep beside them."""
    rows = []
    for (program, watcher), said in found.items():
        mean = average(said)
        rows.append(
            (program, watcher, "itself: cores of the four; sleepers late", f"{mean.cores:.2f}; {_share(mean.late)}")
        )
        rows += [("", "", word, _share(share)) for word, share in mean.words.items() if share >= 0.0005]
    heads = ("program", "watched by", "what is said", "share of the time")
    return table("Who waits for the GIL, as the program measures it itself and as others say", heads, rows)


def watchers(found: dict[tuple[str, str], list[Taken]]) -> str:
    """What looking takes."""
    rows = []
    for watcher in dict.fromkeys(name for _, name in found):
        quiet, busy = found[QUIET, watcher], found[BUSY, watcher]
        stolen = Spread.of(taken.stolen for taken in quiet)
        rows.append(
            (
                watcher,
                _share(median(taken.own for taken in busy)),
                _share(median(taken.own for taken in quiet)),
                _share(stolen.median),
                f"{_share(stolen.low)} .. {_share(stolen.high)}",
                ns(max(taken.longest_us for taken in quiet)),
            )
        )
    heads = ("ten threads, watched by", f"own: {BUSY}", f"own: {QUIET}", "stands still", "middle half", "longest, us")
    return table("What watching takes: of a processor, and of a thread that only reads the clock", heads, rows)


def _share(number: float) -> str:
    return f"{number * 100:.1f} %"


def memory(found: dict[str, dict[str, float]]) -> str:
    """Bytes of a span."""
    rows = [
        (name, f"{of['private']:,.0f}", f"{of['spool']:.1f}" if "spool" in of else "")
        for name, of in sorted(found.items(), key=lambda item: item[1]["private"])
    ]
    return table("Memory of a span, bytes", ("", "private memory", "mapped file"), rows)


def lost(found: dict[str, Lost]) -> str:
    """Spans that kills took."""
    rows = [(name, f"{of.kills}", f"{of.told:,}", f"{of.lost:,}") for name, of in found.items()]
    return table("Spans lost to SIGKILL", ("", "kills", "spans told of", "lost"), rows)


def clock(error: Error | None) -> str:
    """How true the records' times are."""
    if error is None:
        return "The records' clock is CLOCK_MONOTONIC itself; nothing is converted.\n"
    return (
        f"The records' clock against CLOCK_MONOTONIC, {error.readings:,} readings: "
        f"p50 {error.p50:.0f} ns, p99 {error.p99:.0f} ns, worst {error.worst:.0f} ns.\n"
    )
