"""What tracekit costs: each figure beside a baseline of the same round, in one process. Knows only the public API.

    python tests/bench/run.py [--rounds N] [--json PATH]

Every case runs once a round, in an order that is shuffled anew; the bare loop is taken off. Printed are medians over the
rounds, and the ratio to the baseline as the median of the rounds' own ratios: machines drift, ratios less so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tracekit as tk

LOOPS = 20_000
TASKS, STEPS = 50, 100
WORKLOADS = Path(__file__).resolve().parent.parent.parent / "workloads"

Timed = Callable[[], float]


class PlainSpan:
    """The least that a context manager in Python can do."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass


def plain_function(value: int) -> int:
    return value


traced_function = tk.trace(plain_function)
hot = tk.span("hot")
plain = PlainSpan()


def timed(body: Callable[[range], None]) -> Timed:
    """Nanoseconds for one turn of a loop, with the empty loop taken off."""

    def run() -> float:
        turns = range(LOOPS)
        start = time.perf_counter_ns()
        for _ in turns:
            pass
        empty = time.perf_counter_ns() - start
        start = time.perf_counter_ns()
        body(turns)
        return (time.perf_counter_ns() - start - empty) / LOOPS

    return run


def with_plain(turns: range) -> None:
    for _ in turns:
        with plain:
            pass


def with_hot(turns: range) -> None:
    for _ in turns:
        with hot:
            pass


def with_new(turns: range) -> None:
    for _ in turns:
        with tk.span("new"):
            pass


def with_arguments(turns: range) -> None:
    for _ in turns:
        with tk.span("new", n=1, s="a"):
            pass


def call_plain(turns: range) -> None:
    for turn in turns:
        plain_function(turn)


def call_traced(turns: range) -> None:
    for turn in turns:
        traced_function(turn)


def instants(turns: range) -> None:
    for _ in turns:
        tk.instant("tick")


def counters(turns: range) -> None:
    for _ in turns:
        tk.counter("queue", depth=4)


def storm() -> float:
    """Nanoseconds for one step of tasks that do nothing but `sleep(0)`."""

    async def spin() -> None:
        for _ in range(STEPS):
            await asyncio.sleep(0)

    async def main() -> float:
        start = time.perf_counter_ns()
        await asyncio.gather(*(spin() for _ in range(TASKS)))
        return (time.perf_counter_ns() - start) / (TASKS * STEPS)

    return asyncio.run(main())


# What is measured: a name, the case, and the baseline that it is set beside.
CASES: dict[str, Timed] = {
    "with a plain Python object": timed(with_plain),
    "with span, made once": timed(with_hot),
    "with span(...)": timed(with_new),
    "with span(..., n=1, s='a')": timed(with_arguments),
    "call of a plain function": timed(call_plain),
    "call of a @trace function": timed(call_traced),
    "instant(...)": timed(instants),
    "counter(...)": timed(counters),
    "asyncio step, sleep(0)": storm,
}
BASELINES = dict.fromkeys([name for name in CASES if name.startswith("with span")], "with a plain Python object") | {
    "call of a @trace function": "call of a plain function",
    "instant(...)": "call of a plain function",
    "counter(...)": "call of a plain function",
    "asyncio step, sleep(0)": "asyncio step, sleep(0)",
}


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Times of every case, without and with a session, round by round."""
    times: dict[str, dict[str, list[float]]] = {name: {"off": [], "on": []} for name in CASES}
    order = list(CASES)
    for turn in range(rounds + 1):  # the first is a warm-up
        random.Random(turn).shuffle(order)
        for name in order:
            off = CASES[name]()
            with tempfile.TemporaryDirectory() as folder, Recorded(folder):
                on = CASES[name]()
            if turn:
                times[name]["off"].append(off)
                times[name]["on"].append(on)
    return times


class Recorded:
    """A session whose trace nobody wants."""

    def __init__(self, folder: str) -> None:
        from tracekit import sessions

        self._session = sessions._Running(folder, sessions.Options(), late=True)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        self._session.stop()


def measure_run(rounds: int) -> dict[str, tuple[float, float]]:
    """Wall time of the article's programs, plain and under `tracekit run`, in seconds; medians of pairs."""
    found = {}
    for name in ("article_threads", "article_asyncio"):
        script = str(WORKLOADS / f"{name}.py")
        pairs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                plain_time = wall([sys.executable, script])
                traced = [sys.executable, "-m", "tracekit", "run", "-o", f"{folder}/out.json.gz", script]
                pairs.append((plain_time, wall(traced)))
        found[name] = (
            statistics.median(first for first, _ in pairs),
            statistics.median(second - first for first, second in pairs),
        )
    return found


def wall(command: list[str]) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=5, help="pairs of whole runs of the article's programs")
    parser.add_argument("--json", type=Path, help="keep the figures here as well")
    options = parser.parse_args()

    times = measure(options.rounds)
    print(f"Python {platform.python_version()}, {platform.machine()}; ns, medians of {options.rounds} rounds\n")
    print(f"{'':30}{'no session':>12}{'session':>12}{'baseline':>12}{'session/baseline':>18}")
    for name, found in times.items():
        off, on = statistics.median(found["off"]), statistics.median(found["on"])
        line = f"{name:30}{off:12.0f}{on:12.0f}"
        if name in BASELINES:
            base = times[BASELINES[name]]["off"]
            ratio = statistics.median(session / zero for session, zero in zip(found["on"], base))
            line += f"{statistics.median(base):12.0f}{ratio:17.2f}x"
        print(line)

    runs = measure_run(options.runs)
    print(f"\n{'':30}{'plain, s':>12}{'run adds, s':>12}   medians of {options.runs} pairs")
    for name, (plain_time, added) in runs.items():
        print(f"{name:30}{plain_time:12.2f}{added:12.2f}")
    if options.json:
        options.json.write_text(json.dumps({"python": platform.python_version(), "probes_ns": times, "run_s": runs}))


if __name__ == "__main__":
    main()
