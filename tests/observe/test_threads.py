"""Thread: what of many looks is written down. Files stand in for the kernel's, so that each look sees what the test says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observing import Writing

from tracekit import events
from tracekit.observe import threads
from tracekit.observe.runtime import Runtime
from tracekit.observe.syscalls import CALLS
from tracekit.observe.threads import Thread
from tracekit.spool.limits import Limits

_TID = 7
_RUNS = b"running\n"
_NUMBER = {call.name: number for number, call in CALLS.items()}


def waits(name: str, address: int = 0) -> bytes:
    """What the kernel writes of a thread that is in a call."""
    return _NUMBER[name] + b" 0x%x 0x0 0x0 0x0 0x0 0x0 0x7f 0x7f\n" % address


class Kernel:
    """A thread as its files tell of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / str(_TID)
        self._folder.mkdir(parents=True)
        self.says(0, 0, 0, _RUNS)
        self.tasks = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def says(self, on_cpu: int, run_queue: int, switches: int, call: bytes) -> None:
        """What the next look sees."""
        for name, said in (("schedstat", b"%d %d %d\n" % (on_cpu, run_queue, switches)), ("syscall", call)):
            (self._folder / name).write_bytes(said)
        (self._folder / "status").write_bytes(b"Name:\tx\nnonvoluntary_ctxt_switches:\t5\n")


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """The kernel's word."""
    found = Kernel(tmp_path / "task")
    yield found
    os.close(found.tasks)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """Some Python's."""
    found = Runtime(os.getpid())
    yield found
    found.close()


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look reads everything, and nothing is written again only because time has passed."""
    monkeypatch.setattr(threads, "_CALL_NS", 0)
    monkeypatch.setattr(threads, "_MOST_CALL_NS", 0)
    monkeypatch.setattr(threads, "_AGAIN_NS", 1 << 62)


def watched(kernel: Kernel, written: Writing, often: bool = False) -> Thread:
    """The thread, to be looked at."""
    return Thread(1, _TID, kernel.tasks, written.journal, often)


def test_what_stays_the_same(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """What stays the same is written once, and once more right before it changes: with the time of the last look at it."""
    thread = watched(kernel, written)
    kernel.says(100, 20, 3, waits("read"))
    for _ in range(10):
        thread.look(runtime)
    assert written.states(_TID) == [events.STATE_IO]
    kernel.says(150, 30, 4, waits("wait4"))
    thread.look(runtime)

    first, last, new = written.samples()
    assert (first.state, last.state, new.state) == (events.STATE_IO, events.STATE_IO, events.STATE_CHILD)
    assert first.time < last.time < new.time
    assert [sample.details[events.ON_CPU] for sample in (first, last, new)] == [100, 100, 150]
    assert [sample.details[events.RUN_QUEUE] for sample in (first, last, new)] == [20, 20, 30]
    assert [sample.details[events.SWITCHES] for sample in (first, last, new)] == [3, 3, 4]
    assert {sample.details[events.PID] for sample in (first, last, new)} == {1}
    thread.end()


def test_one_look_only(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """What changes from look to look is written once each."""
    thread = watched(kernel, written)
    for turn, call in enumerate((waits("read"), waits("wait4"), waits("read")), 1):
        kernel.says(turn, 0, turn, call)
        thread.look(runtime)
    thread.end()

    assert written.states(_TID) == [events.STATE_IO, events.STATE_CHILD, events.STATE_IO]


def test_it_has_run_and_waits_again(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """A thread that has run between two looks at the same wait has other figures, so that is written."""
    thread = watched(kernel, written)
    for turn in (1, 2):
        kernel.says(turn, 0, turn, waits("read"))
        thread.look(runtime)

    assert [sample.details[events.ON_CPU] for sample in written.samples()] == [1, 2]
    thread.end()


def test_it_runs(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """Of a thread that runs nothing is said while the kernel counts nothing: it may run on, or wait for a processor."""
    thread = watched(kernel, written)
    kernel.says(4_000_000, 0, 1, _RUNS)
    for _ in range(5):
        thread.look(runtime)
    kernel.says(8_000_000, 0, 1, _RUNS)
    thread.look(runtime)
    thread.end()

    assert [sample.details[events.ON_CPU] for sample in written.samples()] == [4_000_000, 8_000_000]


def test_it_is_woken(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """A thread that was woken and has no processor yet is seen to be ready, though its figures are the same."""
    thread = watched(kernel, written)
    for call in (waits("read"), waits("read"), _RUNS):
        kernel.says(100, 20, 3, call)
        thread.look(runtime)
    thread.end()

    assert written.states(_TID) == [events.STATE_IO, events.STATE_IO, events.STATE_RUNNING]


def test_another_address(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """A lock is told from the GIL by its address."""
    thread = watched(kernel, written)
    kernel.says(1, 0, 1, waits("futex", runtime.main.stop))
    thread.look(runtime)
    kernel.says(2, 0, 2, waits("futex", runtime.main.start + 8))
    thread.look(runtime)
    thread.end()

    assert written.states(_TID) == [events.STATE_LOCK, events.STATE_GIL]


def test_the_end(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """When a thread ends, the last look at it is written, and no file of it stays open."""
    before = len(os.listdir("/proc/self/fd"))
    thread = watched(kernel, written)
    kernel.says(1, 0, 1, waits("read"))
    for _ in range(3):
        thread.look(runtime)
    thread.end()

    first, last = written.samples()
    assert first.time < last.time
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("often", [True, False])
def test_again_and_again(
    kernel: Kernel, written: Writing, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, often: bool
) -> None:
    """What stays the same for long is written again, more and more rarely unless a recording keeps its last part only."""
    now = [1_000_000_000]
    monkeypatch.setattr(threads, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr(threads, "_AGAIN_NS", 1_000_000_000)
    thread = watched(kernel, written, often)
    kernel.says(1, 0, 1, waits("read"))
    for _ in range(1000):
        thread.look(runtime)
        now[0] += 1_000_000_000

    times = [sample.time for sample in written.samples()]
    if often:
        assert len(times) == 1000
    else:
        assert 20 < len(times) < 200
        assert times[-1] - times[-2] > 20_000_000_000
    thread.end()


def test_how_often_it_was_taken_off(kernel: Kernel, written: Writing, runtime: Runtime) -> None:
    """Of how often a processor was taken from a thread it is not asked each time."""
    thread = watched(kernel, written)
    for turn in range(1, 4):
        kernel.says(turn, 0, turn, waits("read"))
        thread.look(runtime)
    thread.end()

    first, *others = written.samples()
    assert first.details[events.INVOLUNTARY] == 5
    assert all(events.INVOLUNTARY not in sample.details for sample in others)


@pytest.mark.parametrize("said", ["", "1 2", "a b c", "1 2 3 4"])
def test_what_cannot_be(kernel: Kernel, written: Writing, runtime: Runtime, tmp_path: Path, said: str) -> None:
    """Figures that do not read are an error, and nothing is written of them."""
    thread = watched(kernel, written)
    (tmp_path / "task" / str(_TID) / "schedstat").write_text(said)
    if said:
        with pytest.raises(ValueError):
            thread.look(runtime)
    thread.end()
    assert written.samples() == []


_LOOKS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([_RUNS, waits("read"), waits("wait4"), b""])), min_size=1, max_size=30
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(_LOOKS)
def test_no_interval_lies(
    runtime: Runtime, tmp_path_factory: pytest.TempPathFactory, looks: list[tuple[int, bytes]]
) -> None:
    """Whatever is seen: between two records that differ there is at most one look, and records are in the order of time."""
    folder = tmp_path_factory.mktemp("looks")
    kernel = Kernel(folder / "task")
    written = Writing(folder, Limits())
    thread = watched(kernel, written)
    seen: list[tuple[int, int]] = []
    on_cpu = 1
    for more, call in looks:
        on_cpu += more
        kernel.says(on_cpu, 0, on_cpu, call)
        thread.look(runtime)
        seen.append((thread.state, on_cpu))
    thread.end()
    os.close(kernel.tasks)

    changes = [look for at, look in enumerate(seen) if not at or look != seen[at - 1]]
    told = [(sample.state, sample.details[events.ON_CPU]) for sample in written.samples()]
    assert [look for at, look in enumerate(told) if not at or look != told[at - 1]] == changes
    assert all(told.count(look) <= 2 * changes.count(look) for look in changes)
    times = [sample.time for sample in written.samples()]
    assert times == sorted(times)
    written.journal.close()
