"""Kinds of work: names for where time goes; from hand-made traces, and from programs that really ran. Knows no report."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hand_made_states import MS, lay_states

from tracekit.analyze.work_kinds import MOST, KindRow, kind_of, kinds
from tracekit.load import load
from tracekit.model.builder import Builder
from tracekit.model.trace import UNLOCKED, Category, SampleSource, SampleState, TrackKind

Measured = Callable[..., dict[tuple[str, str], KindRow]]


@pytest.mark.parametrize(
    ("shares", "kind"),
    [
        ({"gil": 0.9, "io": 0.1}, "computing under the GIL"),
        ({"native": 0.7, "gil": 0.3}, "computing without the GIL"),
        ({"cpu": 1.0}, "computing"),
        ({"gil": 0.5, "native": 0.5}, "computing"),
        ({"io": 0.6, "gil": 0.4}, "waiting for I/O"),
        ({"timer": 1.0}, "waiting for timers"),
        ({"lock": 1.0}, "waiting for locks"),
        ({"gil wait": 0.75, "gil": 0.25}, "waiting for the GIL"),
        ({"loop": 0.9, "io": 0.1}, "waiting for the loop"),
        ({"task": 1.0}, "waiting for tasks"),
        ({"job": 1.0}, "waiting for jobs"),
        ({"io": 0.5, "gil": 0.5}, "mixed"),
        ({"unseen": 1.0}, "not told"),
        ({"unseen": 0.8, "gil": 0.2}, "not told"),
        ({"unseen": 0.5, "gil": 0.4, "io": 0.1}, "computing under the GIL"),  # of what was seen
        ({}, "mixed"),
    ],
)
def test_names(shares: dict[str, float], kind: str) -> None:
    """The kind is named after the share that makes up most of what was seen."""
    assert kind_of(shares) == kind


@pytest.mark.parametrize(
    ("shares", "kind"),
    [
        ({"core": 0.7, "gil": 0.3}, "computing under the GIL"),
        ({"core": 0.5, "native": 0.3, "io": 0.2}, "computing without the GIL"),
        ({"gil wait": 0.4, "core": 0.2, "gil": 0.2, "io": 0.2}, "computing under the GIL"),
        ({"core": 1.0}, "waiting for a core"),
        ({"gil wait": 0.5, "core": 0.5}, "mixed"),
    ],
)
def test_wanting_to_compute(shares: dict[str, float], kind: str) -> None:
    """What waits for a core, or at times for the GIL, because it computes, is computing; without any computing it is not."""
    assert kind_of(dict(sorted(shares.items(), key=lambda item: -item[1]))) == kind


def test_rows() -> None:
    """A row says what it is of and where, how many there were, for how long, and its shares add up, the largest first."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=1000 * MS)
    thread = builder.thread(process, 10, "MainThread", main=True)
    lay_states(builder, thread, (200, "running"), (100, UNLOCKED), (700, "sleeping")).unlocked = 100 * MS
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 900 * MS, "request", Category.SPAN)
    place = {"function": "digest", "file": "/app.py", "line": 7}
    builder.slice(track, 200 * MS, 300 * MS, "digest", Category.JOB, args=place)
    span, job = kinds(builder.build())
    assert (span.what, span.name, span.count, span.total_ns) == ("span", "request", 1, 900 * MS)
    assert list(span.shares) == ["timer", "gil", "native"]
    assert list(span.shares.values()) == pytest.approx([6 / 9, 2 / 9, 1 / 9])
    assert (span.kind, span.samples, span.confidence) == ("waiting for timers", 90, pytest.approx(90 / 91))
    assert job == KindRow(
        *("job", "digest", "/app.py", 7, 1, 100 * MS, {"native": 1.0}, "computing without the GIL"),
        confidence=pytest.approx(10 / 11),
        samples=10,
    )


def test_functions() -> None:
    """A function's count and samples are how often it was seen; its states are those that an observer saw."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py", started=0, ended=1000 * MS), 10, "MainThread")
    lay_states(builder, thread, (100, "running"), (100, "polling"))
    for time in range(5, 200, 10):
        frame = builder.frame(-1, "work" if time < 100 else "wait", "/app/main.py", 3)
        builder.sample(thread, time * MS, frame, SampleState.UNKNOWN, SampleSource.SAMPLER)
    found = {row.name: row for row in kinds(builder.build()) if row.what == "function"}
    assert {name: (row.count, row.samples, row.kind) for name, row in found.items()} == {
        "work": (10, 10, "computing"),
        "wait": (10, 10, "waiting for I/O"),
    }
    assert found["work"].total_ns == 100 * MS


def test_very_many() -> None:
    """Of very many names the ones that took longest are there."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread")
    track, at = builder.track(TrackKind.THREAD, thread), 0
    for number in range(2 * MOST):
        builder.slice(track, at, at + number + 1, f"span {number}", Category.SPAN)
        at += number + 1
    rows = kinds(builder.build())
    assert [row.name for row in rows] == [f"span {number}" for number in range(2 * MOST - 1, MOST - 1, -1)]


def test_nothing() -> None:
    """An empty trace has no rows."""
    assert kinds(Builder("app.py").build()) == []


# Programs that really ran.


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    """Runs a program as `tracekit run` does, with an observer, and returns the rows by what they are of."""

    def measure(code: str) -> dict[tuple[str, str], KindRow]:
        script, out = tmp_path / "program.py", tmp_path / "trace.json.gz"
        script.write_text(textwrap.dedent(code))
        command = [sys.executable, "-m", "tracekit", "run", "--quiet", "-o", str(out), str(script)]
        subprocess.run(command, check=True, timeout=120, capture_output=True, cwd=tmp_path)
        return {(row.what, row.name): row for row in kinds(load(str(out)))}

    return measure


def test_threads_that_ran(measured: Measured) -> None:
    """Computing, sleeping, waiting for a lock, a socket: each is told from the others."""
    rows = measured(
        """
        import hashlib, socket, threading, time
        from tracekit import span

        def process_time():
            return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)

        lock = threading.Lock()
        one, other = socket.socketpair()

        def hold():
            with lock:
                held.set()
                time.sleep(0.5)
            time.sleep(0.5)
            other.send(b"x")

        data = bytes(8 << 20)
        with span("python"):
            end = process_time() + 0.4
            while process_time() < end:
                sum(range(1000))
        with span("hash"):
            end = process_time() + 0.4
            while process_time() < end:
                hashlib.sha256(data).digest()
        held = threading.Event()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        with span("lock"), lock:
            pass
        with span("socket"):
            one.recv(1)
        with span("sleep"):
            time.sleep(0.5)
        thread.join()
        """
    )
    kind_of_span = {name: row.kind for (what, name), row in rows.items() if what == "span"}
    assert (kind_of_span["lock"], kind_of_span["socket"]) == ("waiting for locks", "waiting for I/O")
    assert kind_of_span["sleep"] == "waiting for timers"
    assert kind_of_span["python"] in ("computing under the GIL", "computing")
    assert kind_of_span["hash"] in ("computing without the GIL", "computing")
    assert {name: confidence for name in kind_of_span if (confidence := rows["span", name].confidence) < 0.4} == {}
    assert all(sum(row.shares.values()) == pytest.approx(1) for row in rows.values())


def test_tasks_that_ran(measured: Measured) -> None:
    """Tasks that sleep, wait for a job, for the loop that another one blocks: each is told from the others."""
    rows = measured(
        """
        import asyncio, time

        async def sleeps():
            await asyncio.sleep(1)

        async def has_a_job():
            await asyncio.to_thread(time.sleep, 0.4)

        async def blocks():
            await asyncio.sleep(0.5)
            time.sleep(0.4)

        async def waits():
            await asyncio.sleep(0.51)

        async def main():
            await asyncio.gather(sleeps(), has_a_job(), blocks(), waits())

        asyncio.run(main())
        """
    )
    kind_of_task = {name: row.kind for (what, name), row in rows.items() if what == "task"}
    assert kind_of_task["sleeps"] == "waiting for timers"
    assert kind_of_task["main"] == "waiting for tasks"
    assert rows["task", "has_a_job"].shares["job"] > 0.5
    assert rows["task", "waits"].shares["loop"] > 0.25
    assert rows["task", "blocks"].shares["timer"] > 0.75  # half of it awaited, the other half slept on the thread
    assert rows["job", "sleep"].kind == "waiting for timers"
