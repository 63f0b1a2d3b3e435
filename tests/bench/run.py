"""What tracekit costs: each figure beside doing nothing, and beside others that record the same, in the same rounds.

    python tests/bench/run.py [--quick] [--rounds N] [--json PATH]

Composes the other files of this folder; measures nothing itself. The figures are printed, and kept as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asked
import clocks
import contention
import floor
import kills
import locks
import loops
import memory
import probes
import processes
import recorded
import rivals
import sheet
import sizes
import watchers
import weights
from rounds import Figures, measure, ratio
from worker import Worker

_OTHER = "py"


def main() -> None:
    """The command line."""
    options = _options()
    core, why = recorded.core()
    nothing = floor.load()
    machine = {
        "python": platform.python_version(),
        "processor": _processor(),
        "core": core,
        "core_why": why,
        "floor": nothing.language,
        "rounds": options.rounds,
    }
    print(f"CPython {machine['python']} on {machine['processor']}; {options.rounds} rounds")
    print(f"core: {core} ({why}); floor: {nothing.language}\n", flush=True)

    _say("threads and event loops")
    figures = measure(loops.cases(nothing, core), options.rounds, options.length)
    _say("locks")
    figures.update(measure(locks.cases(), options.rounds, options.length))
    _say("processes")
    pairs = processes.measure(options.pairs, options.runs)
    _say("weights")
    weighed = weights.measure(options.pairs)
    _say("thread states")
    said, unsaid = contention.measure(options.watched, options.watches)
    _say("watchers")
    taken, unseen = watchers.measure(options.watched, options.watches)
    _say("memory")
    bytes_of = memory.measure(options.spans)
    _say("sizes")
    finished = {spans: sizes.measure(spans, rivals=spans == options.spans) for spans in options.sizes}
    _say("kills")
    lost = kills.measure(options.kills)
    _say("clock")
    clock = clocks.measure(options.clock)
    _say("probes and rivals")
    others, shown, missing = _measure_probes(nothing, core, options, figures)

    rows = asked.compare(figures, bytes_of["tracekit"]["spool"], lost["tracekit"], clock)
    other = f"{_OTHER} core, " if core == "c" else ""
    print(sheet.asked(rows))
    print(sheet.probe_costs(figures, other))
    for (row, variant), names in others.items():
        print(sheet.rival_costs(f"{row.name}, {variant}", list(_beside(figures, row, variant, names, core))))
    for sentence in (*missing, *shown):
        print(sentence)
    print()
    print(sheet.loop_costs(figures))
    print(sheet.lock_costs(figures))
    print(sheet.process_costs(pairs))
    print(sheet.weights(weighed))
    print(sheet.contention(said))
    print(sheet.watchers(taken))
    for sentence in (*unsaid, *unseen):
        print(sentence)
    print(sheet.memory(bytes_of))
    for spans, taken in finished.items():
        print(sizes.table(spans, taken))
    print(sizes.per_span(finished))
    print(sheet.lost(lost))
    print(sheet.clock(clock))

    kept = machine | {
        "asked": [dataclasses.asdict(row) for row in rows],
        "bars": dict(_beside(figures, probes.HOT, probes.ON, others[probes.HOT, probes.ON], core)),
        "ns": figures,
        "processes_s": pairs,
        "weights": weighed,
        "thread_states": _rows(said),
        "watchers": _rows(taken),
        "span_bytes": bytes_of,
        "sizes": finished,
        "kills": {name: dataclasses.asdict(of) for name, of in lost.items()},
        "clock_ns": dataclasses.asdict(clock) if clock else None,
        "not_measured": missing,
    }
    path = options.json or Path(f"bench-{'.'.join(platform.python_version_tuple()[:2])}-{core}.json")
    path.write_text(json.dumps(kept, indent=1))
    print(f"kept: {path}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about 20 s: fewer and shorter rounds, no whole runs")
    parser.add_argument("--rounds", type=int, help="how often everything is measured (11; quick: 5)")
    parser.add_argument("--kills", type=int, help="how many processes are killed (20; quick: 4)")
    parser.add_argument("--runs", type=int, help="pairs of whole runs of the article's programs (5; quick: none)")
    parser.add_argument("--json", type=Path, help="where to keep the figures (bench-VERSION-CORE.json)")
    options = parser.parse_args()
    quick = options.quick
    for name, value, least in (
        ("rounds", 5 if quick else 11, 2),
        ("kills", 4 if quick else 20, 1),
        ("runs", 0 if quick else 5, 0),
    ):
        setattr(options, name, max(least, value if getattr(options, name) is None else getattr(options, name)))
    options.length = 2_000_000 if quick else 15_000_000
    options.pairs = 7 if quick else 21
    options.spans = 200_000 if quick else 1_000_000
    options.sizes = [200_000] if quick else [100_000, 1_000_000, 3_000_000, 10_000_000]
    options.clock = 5.0 if quick else 60.0
    options.watched = 1.0 if quick else 5.0
    options.watches = 1 if quick else 5
    return options


def _measure_probes(
    nothing: floor.Floor, core: str, options: argparse.Namespace, figures: Figures
) -> tuple[dict[tuple[probes.Row, str], list[str]], list[str], list[str]]:
    """Adds the figures of probes and rivals; returns the rivals' names by row, what they did to us, and who is missing."""
    ours = probes.cases(nothing)
    watched = [
        case for case in ours if case.key in (probes.key(probes.HOT, probes.FLOOR), probes.key(probes.HOT, probes.ON))
    ]
    before = measure(watched, options.rounds, options.length)
    with ExitStack() as stack:
        if core == "c":
            ours += stack.enter_context(Worker(_OTHER)).cases()
        others, theirs, missing = rivals.load()
        figures.update(measure(ours + theirs, options.rounds, options.length))
    shown = [
        f"With the rivals imported, `{case.key}` took {ratio(figures[case.key], before[case.key]):.2f}x of the time before."
        for case in watched
    ]
    return others, shown, missing


def _beside(
    figures: Figures, row: probes.Row, variant: str, others: list[str], core: str
) -> Iterator[tuple[str, list[float]]]:
    """What stands in the table of a row: the floor, tracekit on both cores, the rivals."""
    yield "(nothing: the floor)", probes.costs(figures, row, probes.FLOOR)
    yield f"tracekit, {'C' if core == 'c' else 'Python'} core", probes.costs(figures, row, variant)
    if core == "c":
        yield "tracekit, Python core", sheet.other_costs(figures, row, f"{_OTHER} core, ", variant)
    for name in others:
        yield name, probes.costs(figures, row, name)


def _rows(found: dict[tuple[str, str], list[Any]]) -> list[dict[str, Any]]:
    return [
        {"program": program, "watcher": watcher, "runs": [dataclasses.asdict(run) for run in runs]}
        for (program, watcher), runs in found.items()
    ]


def _processor() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _say(what: Any) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
