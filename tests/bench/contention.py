"""Contention: what is said of threads that compute beside threads that sleep, by tracekit, `py-spy --gil` and gilknocker.

What is true the programs measure themselves: for how long each thread was on a processor, and how late the sleepers woke.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

SPIN, HASH = "four threads of pure Python", "four threads that hash large buffers"
TRACEKIT, PY_SPY, GILKNOCKER = "tracekit run --rate 100", "py-spy record --gil --rate 100", "gilknocker, 1 ms"
WATCHERS = (TRACEKIT, PY_SPY, GILKNOCKER)

_PROGRAM = """
import hashlib, json, sys, threading, time
what, seconds, knocks, out = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "knock", sys.argv[4]
data = bytes(16_000_000)
told = {"cpu": [], "late": [], "ready": None}
begin = threading.Event()

def work():
    begin.wait()
    while time.monotonic() < end:
        if what == "hash":
            hashlib.sha256(data).digest()
        else:
            for _ in range(20_000):
                pass
    told["cpu"].append(time.thread_time() / seconds)

def sleeps():
    begin.wait()
    late = 0
    while (before := time.monotonic()) < end:
        time.sleep(0.05)
        late += time.monotonic() - before - 0.05
    told["late"].append(late / seconds)

threads = [threading.Thread(target=work, name="work") for _ in range(4)]
threads += [threading.Thread(target=sleeps, name="sleeps") for _ in range(2)]
for thread in threads:
    thread.start()
time.sleep(1.5)  # whoever watches has begun
if knocks:
    import gilknocker
    knocker = gilknocker.KnockKnock(1000)
    knocker.start()
end = time.monotonic() + seconds
begin.set()
for thread in threads:
    thread.join()
if knocks:
    told["knocked"] = knocker.contention_metric
    knocker.stop()
with open(out, "w") as file:
    json.dump(told, file)
"""


@dataclass
class Said:
    """What the program measured in one run, and what was said of it; shares of the time, on average over the threads.

    Attributes:
        cores: how many processors the four threads had together.
        late: how long the sleepers slept longer than they meant to.
        words: of tracekit: share of each state, by who and state; of the others: what they say, by what it is.
    """

    cores: float
    late: float
    words: dict[str, float] = field(default_factory=dict)


def measure(seconds: float, rounds: int) -> tuple[dict[tuple[str, str], list[Said]], list[str]]:
    """What each watcher says of each program, a number of times, and a sentence for each watcher that is missing."""
    found: dict[tuple[str, str], list[Said]] = {}
    missing: dict[str, str] = {}
    for _ in range(rounds):
        for program, what in ((SPIN, "spin"), (HASH, "hash")):
            for watcher in WATCHERS:
                if watcher in missing:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        said = _RUNS[watcher](Path(folder), what, seconds)
                    except (OSError, subprocess.SubprocessError) as error:
                        missing[watcher] = getattr(error, "stderr", None) or str(error)
                        continue
                found.setdefault((program, watcher), []).append(said)
    return found, [f"{watcher} is not beside the others: {' '.join(why.split())}" for watcher, why in missing.items()]


def average(said: list[Said]) -> Said:
    """The mean of some runs."""
    words = {word: mean(one.words.get(word, 0.0) for one in said) for word in said[0].words}
    return Said(mean(one.cores for one in said), mean(one.late for one in said), words)


def _tracekit(folder: Path, what: str, seconds: float) -> Said:
    _run([sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json"], folder, what, seconds)
    report = _run_plainly([sys.executable, "-m", "tracekit", "report", "out.json", "--json"], folder)
    said = _truth(folder)
    for name in ("work", "sleeps"):
        states = [thread["states"] for thread in json.loads(report)["threads"] if thread["name"] == name]
        for state in sorted(set(states[0]) - {"lock"}):  # so they waited for their start
            said.words[f"{name}: {state}"] = mean(row[state] for row in states) / seconds
    return said


def _py_spy(folder: Path, what: str, seconds: float) -> Said:
    rate = 100
    spy = [
        beside("py-spy"),
        "record",
        "--gil",
        "--threads",
        "--rate",
        str(rate),
        "--format",
        "raw",
        "-o",
        "stacks",
        "--",
    ]
    _run([*spy, sys.executable], folder, what, seconds)
    said = _truth(folder)
    counts = {"work": 0, "sleeps": 0}
    for line in (folder / "stacks").read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        for name in counts:
            counts[name] += int(count) * (f"{name} (" in stack)
    said.words["work: holds the GIL"] = counts["work"] / 4 / rate / seconds
    said.words["sleeps: holds the GIL"] = counts["sleeps"] / 2 / rate / seconds
    return said


def _gilknocker(folder: Path, what: str, seconds: float) -> Said:
    _run([sys.executable], folder, what, seconds, knock=True)
    said = _truth(folder)
    said.words["process: contention"] = float(json.loads((folder / "told").read_text())["knocked"])
    return said


_RUNS: dict[str, Callable[[Path, str, float], Said]] = {
    TRACEKIT: _tracekit,
    PY_SPY: _py_spy,
    GILKNOCKER: _gilknocker,
}


def beside(program: str) -> str:
    """Where a program is: beside this Python, or on PATH.

    Raises:
        FileNotFoundError: nowhere.
    """
    own = os.path.dirname(sys.executable)
    found = shutil.which(program, path=os.pathsep.join((own, os.environ.get("PATH", ""))))
    if found is None:
        raise FileNotFoundError(program)
    return found


def _run(command: list[str], folder: Path, what: str, seconds: float, knock: bool = False) -> None:
    (folder / "program.py").write_text(_PROGRAM)
    _run_plainly([*command, "program.py", what, str(seconds), "knock" if knock else "-", "told"], folder)


def _run_plainly(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120).stdout


def _truth(folder: Path) -> Said:
    told = json.loads((folder / "told").read_text())
    return Said(sum(told["cpu"]), mean(told["late"]))
