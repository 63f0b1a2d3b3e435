"""Who ran and who waited for whom, seen in real runs of threads that compute, hash and sleep. Compares shares within one trace.

Other programs may have the machine's cores meanwhile. What they take is told apart as time that a thread was ready and had
none, so shares here are of the time that is left. Knows the reports, and nothing of how a trace is made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workloads.test_article import environment

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="thread states come from Linux's /proc")

HZ = 200
SECONDS = 3.0

PROGRAM = """
import hashlib, json, sys, threading, time

work, seconds = sys.argv[1], float(sys.argv[2])
end = time.monotonic() + seconds
late = []
data = bytes(16 << 20)

def compute():
    while time.monotonic() < end:
        for _ in range(2000):
            pass

def digest():
    while time.monotonic() < end:
        hashlib.sha256(data).digest()

def sleep():
    while time.monotonic() < end:
        began = time.monotonic()
        time.sleep(0.05)
        late.append(time.monotonic() - began - 0.05)

target = {"compute": compute, "hash": digest}[work]
threads = [threading.Thread(target=target, name=f"worker-{number}") for number in range(4)]
threads.append(threading.Thread(target=sleep, name="sleeper"))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(late))
"""


class Run:
    """One run: what `report --json` says of it, and how late the sleeper woke in all (s)."""

    def __init__(self, work: str, folder: Path) -> None:
        program, self.out = folder / f"{work}.py", folder / f"{work}.json"
        program.write_text(PROGRAM)
        options = ["run", "--rate", str(HZ), "--quiet", "-o", str(self.out)]
        self.late_s = float(self._tracekit(*options, str(program), work, str(SECONDS)).stdout)
        self.report: dict[str, Any] = json.loads(self._tracekit("report", "--json", str(self.out)).stdout)
        self.folder = folder

    @staticmethod
    def _tracekit(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tracekit", *arguments]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == status, done.stderr
        return done

    def fails_on(self, rule: str) -> bool:
        """Whether the trace breaks a rule."""
        command = [sys.executable, "-m", "tracekit", "report", str(self.out), "--fail-on", rule]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 1

    def thread(self, name: str) -> dict[str, Any]:
        """A thread's row."""
        (row,) = [row for row in self.report["threads"] if row["name"] == name]
        assert row["states"] is not None, "it was not sampled"
        return row

    def share(self, name: str, state: str) -> float:
        """The share of a thread's time in a state, of the time in which it was not kept from a core."""
        states = self.thread(name)["states"]
        return states[state] / (sum(states.values()) - states["runnable"])


@pytest.fixture(scope="module")
def computing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run("compute", tmp_path_factory.mktemp("compute"))


@pytest.fixture(scope="module")
def hashing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run("hash", tmp_path_factory.mktemp("hash"))


WORKERS = [f"worker-{number}" for number in range(4)]


def test_four_threads_compute_like_one(computing: Run) -> None:
    """Four threads of pure Python have one core together, and each waits for the GIL most of its time."""
    running = sum(computing.thread(name)["states"]["running"] for name in WORKERS)
    seen = max(sum(computing.thread(name)["states"].values()) for name in WORKERS)
    assert running <= 1.15 * seen
    for name in WORKERS:
        assert 0.5 <= computing.share(name, "gil") <= 0.9, name


def test_they_are_told_of(computing: Run) -> None:
    """The finding names them and what it would gain to leave the GIL, and a build can fail on it."""
    (finding,) = [row for row in computing.report["findings"] if row["slug"] == "gil-contention"]
    assert {row["name"] for row in finding["threads"]} >= set(WORKERS)
    assert finding["gain_s"] > 0
    assert computing.fails_on("gil-contention")


def test_a_sleeper_wakes_late(computing: Run) -> None:
    """A thread that only sleeps waits for the GIL, and for a core, for as long as it wakes late by its own clock."""
    states = computing.thread("sleeper")["states"]
    waited = states["gil"] + states["runnable"] + states["running"]
    assert waited == pytest.approx(computing.late_s, rel=0.4, abs=0.1)
    assert states["gil"] > states["running"]


def test_they_take_turns(computing: Run) -> None:
    """The GIL changes hands many times a second, and a thread that got a core keeps it for a while."""
    (row,) = computing.report["turns"]
    assert row["switches_per_s"] > 50
    assert 0 < row["turn_s"] < 0.1


def test_hashing_waits_for_no_gil(hashing: Run) -> None:
    """Hashing of large buffers releases the GIL: neither its workers nor a sleeper wait for it, and nothing is found."""
    for name in WORKERS:
        assert hashing.share(name, "gil") < 0.1, name
    assert hashing.share("sleeper", "gil") < 0.05
    assert not hashing.fails_on("gil-contention")
