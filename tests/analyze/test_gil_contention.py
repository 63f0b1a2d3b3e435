"""gil-contention: who waited for the GIL, and what it would gain to leave it. Knows no recording; times are in ms."""

from __future__ import annotations

import pytest
from hand_made_states import MS, lay_states

from tracekit.analyze import analyze, gil_contention, rules
from tracekit.analyze.finding import Finding
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Pool, Trace, TrackKind

GIL = "waiting for the GIL"


class Threads:
    """A program with some threads, each of which does the same again and again."""

    def __init__(self, cores: int = 0) -> None:
        self.builder = Builder("app.py")
        self.builder.cores = cores
        self.process = self.builder.process(10, "app.py")

    def add(self, name: str, *parts: tuple[float, str], times: int = 100) -> Threads:
        thread = self.builder.thread(self.process, 11 + len(self.builder.threads), name)
        end = round(sum(length for length, _ in parts) * times * MS)
        self.builder.slice(self.builder.track(TrackKind.THREAD, thread), 0, end, name, Category.THREAD)
        lay_states(self.builder, thread, *parts, times=times)
        return self

    def build(self) -> Trace:
        return self.builder.build()


def only(trace: Trace) -> Finding:
    (finding,) = gil_contention.find(trace, 50 * MS)
    return finding


def four(cores: int = 0) -> Threads:
    """Four threads that compute by turns."""
    threads = Threads(cores)
    for number in range(4):
        threads.add(f"w{number}", (10, "running"), (30, GIL))
    return threads


def test_who_competes() -> None:
    """Threads that compute and wait for each other are told with their share, what they used, and what they would gain."""
    finding = only(four().build())
    assert finding.sentence == (
        "4 threads (w0, w1, w2 and 1 more) waited for the GIL for 75% of their time, 12.0 s in all, and all threads of the "
        "process together used 1.00 cores. In processes of their own, with a core for each, those who computed would have "
        "taken about 1.00 s in place of 4.00 s."
    )
    assert (finding.severity, finding.duration_s, finding.start_s, finding.track) == ("warning", 3.0, 0.01, "w0")
    assert (finding.details["took_s"], finding.details["alone_s"], finding.details["gain_s"]) == (4.0, 1.0, 3.0)
    assert finding.details["threads"][3] == {
        "name": "w3",
        "tid": 14,
        "running_s": 1.0,
        "gil_s": 3.0,
        "gil_share": 0.75,
        "longest_ready_s": 0.03,
    }


def test_no_more_than_the_cores_can_give() -> None:
    """What it would gain is bounded by the cores that there are."""
    finding = only(four(cores=2).build())
    assert finding.details["alone_s"] == 2.0
    assert "on the 2 cores that there are" in finding.sentence


def test_who_is_delayed() -> None:
    """A thread that hardly computes and waits for others' Python all the same is told of beside them, or alone."""
    sleeper = ((50, "sleeping"), (20, GIL), (1, "running"))
    finding = only(four().add("sleeper", *sleeper, times=50).build())
    assert [row["name"] for row in finding.details["delayed"]] == ["sleeper"]
    assert len(finding.details["threads"]) == 4
    assert (
        "The thread sleeper, which hardly computes, had to wait for it for 1.00 s all the same, 28% of its time, at worst "
        "20.0 ms in a row." in finding.sentence
    )
    finding = only(Threads().add("busy", (40, "running")).add("sleeper", *sleeper, times=50).build())
    assert (finding.details["threads"], finding.details["took_s"]) == ([], None)
    assert finding.sentence.endswith("at worst 20.0 ms in a row while busy computed.")


def test_the_thread_of_a_loop() -> None:
    """That it is an event loop's thread that waits is said."""
    threads = Threads().add("MainThread", (50, "polling"), (20, GIL), (1, "running")).add("busy", (71, "running"))
    threads.builder.loop(threads.process, 0, "Loop")
    assert "The thread MainThread (an event loop's)" in only(threads.build()).sentence


@pytest.mark.parametrize(
    "parts",
    [
        ((38, "running"), (2, GIL)),  # hashing
        ((1, "running"), (0.2, GIL), (40, "reading or writing")),  # I/O
        ((20, "running"), (20, "runnable")),  # no core
        ((10, "running"), (30, "waiting for a lock")),
    ],
)
def test_nothing_to_say(parts: tuple[tuple[float, str], ...]) -> None:
    """Threads that wait for the GIL now and then, or for something else, are no finding."""
    threads = Threads()
    for number in range(4):
        threads.add(f"w{number}", *parts)
    assert gil_contention.find(threads.build(), 50 * MS) == []


def test_a_short_meeting() -> None:
    """What costs a hundredth of a program's time is not worth a finding, what costs a tenth is worth knowing."""
    long = four().add("main", (30_000, "waiting for a lock"), times=1)
    assert only(long.build()).severity == "info"
    short = Threads().add("a", (10, "running"), (30, GIL), times=4).add("main", (60_000, "sleeping"), times=1)
    assert gil_contention.find(short.build(), 50 * MS) == []


def test_a_build_may_fail_on_it() -> None:
    """A rule may forbid it, or limit how long threads wait."""
    findings = analyze(four().build())
    assert rules.broken([rules.parse("gil-contention")], findings)
    assert rules.broken([rules.parse("gil-contention>2s")], findings)
    assert rules.broken([rules.parse("gil-contention>5s")], findings) == []


PASSERS = ("MainThread", "Thread-1 (_handle_workers)", "Thread-2 (_handle_tasks)", "Thread-3 (_handle_results)")


def competing(names: tuple[str, ...], started: int) -> Finding:
    """What is told of threads with some names that compete for the GIL, in a program with a pool."""
    threads = Threads()
    threads.builder.pools.append(Pool(threads.process, "Pool", limit=2, started=started))
    for name in names:
        threads.add(name, (10, "running"), (30, GIL))
    return only(threads.build())


@pytest.mark.parametrize("names", [PASSERS, ("MainThread", "QueueFeederThread", "Thread-1")])
def test_a_pools_own_threads(names: tuple[str, ...]) -> None:
    """Where a pool of processes needs the GIL to pass jobs, it is advised to pass less, and not to take a process pool."""
    finding = competing(names, started=2)

    assert "Send less to the pool" in finding.advice
    assert "ProcessPoolExecutor" not in finding.advice
    assert "processes of their own" not in finding.sentence
    assert finding.details["took_s"] is None


@pytest.mark.parametrize(
    ("names", "started"), [(PASSERS, 0), (("w0", "w1", "w2", PASSERS[2]), 2), (("Thread-1", "Thread-2", "w1"), 2)]
)
def test_threads_of_the_program(names: tuple[str, ...], started: int) -> None:
    """Where there is no pool of processes, or the program's own threads have the GIL beside one, the advice is for those."""
    assert "ProcessPoolExecutor" in competing(names, started).advice
