"""States: every thread of some processes, as they come and go. Looks at real processes, which record nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from interpreters import NOBODY
from observing import Start, Writing, Written
from waiting import until

import tracekit
from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.observe.elf import symbol
from tracekit.observe.states import States, most_threads


class Looks:
    """Looks at processes, again and again."""

    def __init__(self, written: Writing, *pids: int, most: int | None = None) -> None:
        self.states = States(written.journal, most=most)
        self.pids = {pid: pid for pid in pids}

    def __call__(self) -> None:
        """Look once."""
        self.states.look(self.pids, monotonic_ns())


@pytest.fixture
def waiting() -> Iterator[threading.Thread]:
    """A thread of this process that waits until the test is over."""
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    yield thread
    go_on.set()
    thread.join()


def test_every_thread(program: Start, written: Writing) -> None:
    """All threads of all processes are seen at the first look, each doing what it does."""
    code = """
        import sys, threading, time
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        print(flush=True)
        sys.stdin.read()
    """
    children = [program(code), program(code)]
    looks = Looks(written, *(child.pid for child in children))
    looks()
    assert {sample.tid for sample in written.samples()} == {
        int(tid) for child in children for tid in os.listdir(f"/proc/{child.pid}/task")
    }

    def seen() -> bool:
        looks()
        last = {sample.tid: (sample.details[events.PID], sample.state) for sample in written.samples()}
        expected = (events.STATE_IO, events.STATE_SLEEP, events.STATE_LOCK)
        return sorted(last.values()) == sorted((child.pid, state) for child in children for state in expected)

    until(seen)
    looks.states.close()


def test_a_new_thread(written: Writing) -> None:
    """A thread that has just begun is seen at the next look; when it has ended, no file of it is kept."""
    looks = Looks(written, os.getpid())
    looks()
    before = len(os.listdir("/proc/self/fd"))
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    looks()
    assert written.samples(thread.native_id)
    assert len(os.listdir("/proc/self/fd")) == before + 2
    go_on.set()
    thread.join()
    until(lambda: not os.path.exists(f"/proc/self/task/{thread.native_id}"))
    looks()

    assert len(os.listdir("/proc/self/fd")) == before
    looks.states.close()


def test_a_process_that_ends(program: Start, written: Writing) -> None:
    """Of a process that was killed the last look is written; nothing of it stays open, and what gets its pid is not it."""
    before = len(os.listdir("/proc/self/fd"))
    child = program("import sys; print(flush=True); sys.stdin.read()")
    looks = Looks(written, child.pid)

    def waits() -> bool:
        looks()
        return written.states(child.pid)[-1] == events.STATE_IO

    until(waits)
    for _ in range(5):
        looks()
    child.kill()
    child.wait()
    last = written.samples()[-1]
    looks()
    assert written.samples()[-1].state == events.STATE_IO
    assert written.samples()[-1].time > last.time
    looks.pids = {}
    looks()
    child.communicate()

    assert len(os.listdir("/proc/self/fd")) == before
    looks.states.close()


def test_no_such_process(written: Writing) -> None:
    """A process that is gone already is no error."""
    with subprocess.Popen(["true"]) as child:
        child.wait()
    looks = Looks(written, child.pid)
    looks()
    looks.states.close()

    assert written.samples() == []


@pytest.mark.usefixtures("waiting")
def test_too_many_threads(written: Writing) -> None:
    """Where there are more threads than files may be open, it is said once that some are left out."""
    looks = Looks(written, os.getpid(), most=1)
    for _ in range(3):
        looks.states.look(looks.pids, 1 << 62)

    assert {sample.tid for sample in written.samples()} == {min(int(tid) for tid in os.listdir("/proc/self/task"))}
    (note,) = written.notes()
    assert "ulimit -n" in note
    assert most_threads() > 100
    looks.states.close()


_SYSTEM = os.path.realpath("/usr/bin/python3")


@pytest.mark.skipif(
    not os.path.exists(_SYSTEM) or symbol(_SYSTEM, "_PyRuntime") is None, reason="no Python that is one file"
)
def test_no_gil(program: Start, written: Writing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a free-threaded build, which is known by its name, it is said once that it has no GIL."""
    python = tmp_path / "python3.99t"
    shutil.copy(_SYSTEM, python)
    monkeypatch.setenv("PYTHONHOME", "/usr")
    children = [program("import sys; print('', flush=True); sys.stdin.read()", python=str(python)) for _ in range(2)]
    looks = Looks(written, *(child.pid for child in children))
    looks()
    looks()
    looks.states.close()

    (note,) = written.notes()
    assert "free-threaded" in note


_AS_NOBODY = """
    import os, sys
    sys.path.insert(0, sys.argv[1])
    from tracekit.clock import monotonic_ns
    from tracekit.observe.journal import Journal
    from tracekit.observe.states import States
    from tracekit.observe.weights import Weights
    from tracekit.spool.limits import Limits
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
    journal = Journal(sys.argv[2], Limits())
    states, weights = States(journal), Weights(journal)
    for line in sys.stdin:
        states.look({{1: int(line)}}, monotonic_ns())
        weights.look({{1: int(line)}}, monotonic_ns())
        print(flush=True)
    states.close()
    journal.close()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_users_program(program: Start) -> None:
    """Of another user's program, what its threads wait for is not told: one line says why, and their times are known."""
    child = program("print(flush=True)\nwhile True: pass")
    root = str(Path(tracekit.__file__).parents[1])
    folder = Path(tempfile.mkdtemp(prefix="tracekit-nobody-"))
    os.chown(folder, NOBODY, NOBODY)
    code = textwrap.dedent(_AS_NOBODY.format(nobody=NOBODY))
    try:
        with subprocess.Popen(
            [sys.executable, "-c", code, root, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            written = Written(folder)

            def has_run() -> bool:
                other.stdin.write(f"{child.pid}\n")  # type: ignore[union-attr]
                other.stdin.flush()  # type: ignore[union-attr]
                other.stdout.readline()  # type: ignore[union-attr]
                samples = written.samples()
                return samples[-1].details[events.ON_CPU] > samples[0].details[events.ON_CPU]

            until(has_run)
        assert {sample.state for sample in written.samples()} == {0}
        (note,) = written.notes()
        assert "another user" in note
        assert "Permission denied" in note
        assert [weight.details.keys() for weight in written.of_kind(events.WEIGHT)] == [{events.RSS, events.PEAK}]
    finally:
        shutil.rmtree(folder)


def test_ended_before_anybody_asked(written: Writing) -> None:
    """Of a process that has ended, whose parent was not told yet, nothing is said."""
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        looks = Looks(written, child.pid)
        looks()
        looks.states.close()

    assert written.notes() == []
