"""The recorder: every record is there once, whole and in order, whoever interrupts whom. Knows no hook and no trace."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tracekit as tk
from tracekit import events
from tracekit.record import recorder as recording
from tracekit.record.recorder import Recorder
from tracekit.spool import layout
from tracekit.spool.buffer import MOST_DETAILS
from tracekit.spool.reader import Spool, ThreadRecords, read_spool


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A recorder by itself; nothing else records."""
    made = Recorder(str(tmp_path))
    yield made
    made.abandon()


def _main(spool: Spool) -> ThreadRecords:
    (thread,) = [thread for thread in spool.threads if thread.tid == os.getpid()]
    return thread


def _payloads(thread: ThreadRecords, kind: int) -> list[int]:
    """Payloads of the first detail of each record of a kind; -1 where it has none."""
    found = []
    for at in range(len(thread)):
        if thread.kind[at] == kind:
            follows = at + 1 < len(thread) and thread.kind[at + 1] >= events.FIRST_DETAIL
            found.append(int(thread.time[at + 1]) if follows and thread.slot[at + 1] == thread.slot[at] + 1 else -1)
    return found


def _after_the_first(thread: ThreadRecords) -> list[int]:
    """The places of all records behind the one that says who the thread is, but for those that tell the time."""
    kinds = thread.kind.tolist()
    assert kinds[0] == events.THREAD_BEGIN
    begin = next((at for at, kind in enumerate(kinds) if at and kind < events.FIRST_DETAIL), len(kinds))
    clock = {at + more for at, kind in enumerate(kinds) if kind == events.CLOCK for more in (0, 1)}
    return [at for at in range(begin, len(kinds)) if at not in clock]


records = st.tuples(
    st.integers(1, events.FIRST_DETAIL - 1).filter(lambda kind: kind != events.CLOCK),
    st.integers(0, layout.A_MAX),
    st.integers(0, layout.B_MAX),
    st.none()
    | st.lists(st.tuples(st.integers(events.FIRST_DETAIL, 255), st.integers(0, (1 << 64) - 1)), max_size=MOST_DETAILS),
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(records, max_size=60), times=st.integers(1, 30))
def test_any_records(tmp_path: Path, rows: list[Any], times: int) -> None:
    """Whatever is written, over as many blocks as it takes, is read back field by field, each record at the slot it was told."""
    recorder = Recorder(str(tmp_path))
    wanted, slots = [], []
    for kind, a, b, details in rows * times:
        slots.append(recorder.write(kind, a, b, None if details is None else list(details)))
        wanted.append((kind, a, b))
        wanted.extend(layout.unpack_word(word) for word, _ in details or ())

    thread = _main(read_spool(recorder.spool.path)) if rows else None
    if thread is not None:
        own = _after_the_first(thread)
        columns = zip(thread.kind[own].tolist(), thread.a[own].tolist(), thread.b[own].tolist())
        assert list(columns) == wanted
        heads = [
            slot
            for slot, kind in zip(thread.slot[own].tolist(), thread.kind[own].tolist())
            if kind < events.FIRST_DETAIL
        ]
        assert heads == slots
    os.unlink(recorder.spool.path)


def test_too_many_details(recorder: Recorder) -> None:
    """Of more details than one record may have the first ones are kept."""
    recorder.write(events.INSTANT, 1, 0, [(events.ARG_INT, number) for number in range(5000)])
    recorder.write(events.GC_END)

    thread = _main(read_spool(recorder.spool.path))
    assert (thread.kind == events.ARG_INT).sum() == MOST_DETAILS
    assert thread.kind[-1] == events.GC_END


def test_blocks_of_threads(recorder: Recorder) -> None:
    """Many threads that write at once each have their records to themselves, in order, over many blocks."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:

        def work() -> None:
            for number in range(3000):
                recorder.write(events.INSTANT, 1, 0, [(events.ARG_INT, number)])

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    read = read_spool(recorder.spool.path).threads
    assert len({thread.serial for thread in read}) == 8
    assert [_payloads(thread, events.INSTANT) for thread in read] == [list(range(3000))] * 8


def test_signal_handler_that_records(recorder: Recorder) -> None:
    """A handler that records and names something, wherever it comes, tears no record, overwrites none, and disturbs no order."""
    numbers = iter(range(1 << 30))
    generator = random.Random(4)

    def handler(*_: object) -> None:
        number = next(numbers)
        recorder.write(events.GC_BEGIN, recorder.intern(f"handler {number}"), 0, [(events.ARG_INT, number)])
        recorder.write(events.GC_END, 0, number)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(0, 60_000, 2):
            if number % 40 == 0:
                signal.setitimer(signal.ITIMER_REAL, generator.uniform(1e-6, 3e-5))
            recorder.write(events.TASK_READY, 0, number)
            recorder.write(events.INSTANT, recorder.intern(f"main {number}"), 0, [(events.ARG_INT, number)])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    spool = read_spool(recorder.spool.path)
    thread = _main(spool)
    handled = next(numbers)
    assert handled > 0
    assert thread.b[thread.kind == events.TASK_READY].tolist() == list(range(0, 60_000, 2))
    assert sorted(thread.b[thread.kind == events.GC_END].tolist()) == list(range(handled))
    assert _payloads(thread, events.INSTANT) == list(range(0, 60_000, 2))
    assert sorted(_payloads(thread, events.GC_BEGIN)) == list(range(handled))
    heads = thread.time[thread.kind < events.FIRST_DETAIL].tolist()
    assert heads == sorted(heads)
    names = thread.a[thread.kind == events.INSTANT].tolist()
    assert [spool.names[number] for number in names] == [f"main {number}" for number in range(0, 60_000, 2)]


def test_garbage_collection_in_the_middle(recorded: Callable[..., Any]) -> None:
    """With a collection at every turn, which is recorded itself, every record is there and the trace is sound."""
    threshold = gc.get_threshold()
    with recorded() as recording_:
        gc.set_threshold(1)
        try:
            for number in range(3000):
                with tk.span("span", number=number, values=[number]):
                    tk.instant(f"instant {number}")
        finally:
            gc.set_threshold(*threshold)

    trace = recording_.trace
    names = [trace.strings[name] for name in trace.instants.name]
    assert names == [f"instant {number}" for number in range(3000)]
    assert any(trace.strings[name].startswith("gc") for name in trace.slices.name)
    assert [note for note in trace.notes if "session.json" not in note] == []


def test_finalizer_that_records(recorded: Callable[..., Any]) -> None:
    """A finalizer that records wherever a collection comes upon it, also in the middle of a new name, does no harm."""
    threshold = gc.get_threshold()

    class Finalized:
        def __init__(self, number: int) -> None:
            self.number = number
            self.circle = self

        def __del__(self) -> None:
            tk.instant(f"finalized {self.number}")

    with recorded() as recording_:
        gc.set_threshold(5)
        try:
            for number in range(2000):
                Finalized(number)
                tk.instant(f"main {number}")
            gc.collect()
        finally:
            gc.set_threshold(*threshold)

    trace = recording_.trace
    names = [trace.strings[name] for name in trace.instants.name]
    assert sorted(names) == sorted(
        [f"main {number}" for number in range(2000)] + [f"finalized {n}" for n in range(2000)]
    )


def test_records_after_stop(tmp_path: Path) -> None:
    """What a thread still writes through the recorder of a session that is over goes nowhere, and is no error."""
    recorder = Recorder(str(tmp_path))
    recorder.write(events.INSTANT)
    recorder.finish()
    recorder.abandon()
    size = os.path.getsize(recorder.spool.path)

    errors: list[BaseException] = []

    def work() -> None:
        try:
            for number in range(5000):
                recorder.write(events.INSTANT, recorder.intern(f"late {number}"))
            recorder.begin_thread(5, "late")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()

    spool = read_spool(recorder.spool.path)
    assert errors == []
    assert os.path.getsize(recorder.spool.path) == size
    assert spool.names.keys() <= {1, 2}
    assert (_main(spool).kind == events.INSTANT).sum() == 1


def test_stop_in_the_middle_of_other_threads(tmp_path: Path) -> None:
    """A session that stops while other threads record does not fail them."""
    errors: list[BaseException] = []
    for number in range(20):
        directory = tmp_path / str(number)
        directory.mkdir()
        recording.start(str(directory))
        over = threading.Event()

        def work(begun: threading.Event, over: threading.Event = over) -> None:
            try:
                while not over.is_set():
                    for _ in range(50):
                        tk.instant("a", b=[1])
                        with tk.span("c"):
                            pass
                    begun.set()
            except BaseException as error:
                errors.append(error)

        begins = [threading.Event() for _ in range(3)]
        threads = [threading.Thread(target=work, args=(begun,)) for begun in begins]
        for thread in threads:
            thread.start()
        for begun in begins:
            begun.wait()
        recording.stop()
        over.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_forks_in_two_threads(tmp_path: Path) -> None:
    """Two children that two threads fork at the same moment are each told the number of their own fork."""
    code = """
        import os, sys, threading, warnings
        from tracekit.record import recorder
        warnings.simplefilter("ignore", DeprecationWarning)
        barrier = threading.Barrier(2)
        os.register_at_fork(before=barrier.wait)  # runs after ours, which is registered later
        recorder.start(sys.argv[1])

        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)

        threads = [threading.Thread(target=fork) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recorder.stop()
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(read_spool(path).header.fork for path in tmp_path.glob("*.spool")) == [0, 1, 2]


def test_child_leaves_the_parent_s_recording_alone(run_python: Callable[..., Any]) -> None:
    """A span that a forked child inherits open, and ends by a new kind of exception, writes nothing into the parent's spool."""
    ran = run_python(
        """
        import os
        import tracekit as tk

        class OnlyInTheChild(Exception):
            pass

        pid = 1
        try:
            with tk.span("around"):
                pid = os.fork()
                if pid == 0:
                    raise OnlyInTheChild
                os.waitpid(pid, 0)
                tk.instant("named in the parent, after the fork")
        except OnlyInTheChild:
            os._exit(0)
        """
    )

    assert (ran.status, ran.stderr) == (0, "")
    trace = ran.trace
    assert [trace.strings[name] for name in trace.instants.name] == ["named in the parent, after the fork"]
    texts = [text for path in ran.directory.glob("*.spool") for text in read_spool(path).names.values()]
    assert "OnlyInTheChild" not in texts


def test_fork_while_another_thread_names_something(run_python: Callable[..., Any]) -> None:
    """A child is not stuck on a lock that a thread of its parent held, whatever it ends or names."""
    ran = run_python(
        """
        import os, sys, threading, warnings
        import tracekit as tk
        warnings.simplefilter("ignore", DeprecationWarning)
        sys.setswitchinterval(1e-6)
        go_on = True

        def name():
            number = 0
            while go_on:
                number += 1
                tk.instant(f"{number} " + "x" * 3000)

        threads = [threading.Thread(target=name) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(20):
            try:
                with tk.span("around"):
                    pid = os.fork()
                    if pid == 0:
                        raise type(f"Error{number}", (Exception,), {})
                    os.waitpid(pid, 0)
            except Exception:
                tk.instant(f"child {number}")
                os._exit(0)
        go_on = False
        for thread in threads:
            thread.join()
        """
    )

    assert (ran.status, ran.stderr) == (0, "")
    trace = ran.trace
    names = {trace.strings[name] for name in trace.instants.name}
    assert {f"child {number}" for number in range(20)} <= names


def test_fork_in_a_program_that_forbids_blocking_calls(run_python: Callable[..., Any]) -> None:
    """A child is recorded, and nothing is printed, whatever the program has put in place of Python's own ways to read files."""
    ran = run_python(
        """
        import builtins, os, posix
        import tracekit as tk

        def forbidden(*args, **kwargs):
            raise RuntimeError("blocking call")

        opened, fork, wait = builtins.open, os.fork, os.waitpid
        builtins.open = os.read = os.stat = os.unlink = os.getcwd = forbidden
        pid = fork()
        if pid == 0:
            tk.instant("child")
            os._exit(0)
        wait(pid, 0)
        builtins.open, os.read, os.stat = opened, posix.read, posix.stat
        os.unlink, os.getcwd = posix.unlink, posix.getcwd
        """
    )

    assert (ran.status, ran.stderr) == (0, "")
    trace = ran.trace
    assert [trace.strings[name] for name in trace.instants.name] == ["child"]


def test_fork_that_cannot_be_recorded_is_told_in_one_line(run_python: Callable[..., Any]) -> None:
    """A failure that is none of the system's, while a child begins to record, is one line, and the child goes on."""
    ran = run_python(
        """
        import os, posix

        def forbidden(*args, **kwargs):
            raise RuntimeError("blocking call")

        os.open = forbidden
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        os.open = posix.open
        """
    )

    assert (ran.status, ran.stdout) == (0, "7\n")
    assert [line.partition("not recorded")[2] for line in ran.stderr.splitlines()] == [": blocking call"]
