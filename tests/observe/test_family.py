"""Family: real processes that record nothing, and their threads, as they come and go. Knows their journal."""

from __future__ import annotations

import itertools
import os

from observing import Start, Writing
from waiting import until

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.observe.family import Family, command_of
from tracekit.observe.stat import Stat


def test_who_comes_and_goes(program: Start, written: Writing) -> None:
    """Threads and children are written down when they come, whoever adopts them, and when they go."""
    child = program(
        """
        import os, sys, threading
        print(flush=True)
        sys.stdin.readline()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        ours, childs = os.pipe()
        between = os.fork()
        if not between:
            if not os.fork():
                os.close(childs)
                os.read(ours, 1)  # until nobody else is there
            else:
                sys.stdin.readline()
            os._exit(0)
        os.waitpid(between, 0)
        sys.stdin.readline()
        """
    )
    assert child.stdin is not None
    family = Family(child.pid, written.journal)
    now = monotonic_ns()
    later = itertools.count(now, 10**9)
    assert set(family.look(now).values()) == {child.pid}

    print("go on", file=child.stdin, flush=True)
    until(lambda: family.look(next(later)) and len(written.of_kind(events.SEEN_THREAD)) == 4)
    print("go on", file=child.stdin, flush=True)
    until(lambda: family.look(next(later)) and written.of_kind(events.GONE))
    assert len(family.look(next(later))) == 2  # the child of a child that is gone

    child.communicate()
    until(lambda: not family.look(next(later)))
    seen = written.of_kind(events.SEEN_THREAD)
    assert [events.LATE in one.details for one in seen] == [True, False, False, False]
    assert {one.tid for one in written.of_kind(events.GONE)} == {one.tid for one in seen}


def test_those_who_tell_of_themselves(program: Start, written: Writing) -> None:
    """Of a process that records nothing is written down but what it has started."""
    child = program(
        """
        import os, sys
        print(flush=True)
        sys.stdin.readline()
        if not os.fork():
            sys.stdin.read()
            os._exit(0)
        os.wait()
        """
    )
    assert child.stdin is not None
    family = Family(child.pid, written.journal)
    later = itertools.count(monotonic_ns(), 10**9)
    family.look(next(later), [child.pid])
    print("go on", file=child.stdin, flush=True)
    until(lambda: family.look(next(later), [child.pid]) and written.of_kind(events.SEEN_THREAD))
    child.communicate()
    family.close()

    (seen,) = written.of_kind(events.SEEN_PROCESS)
    (thread,) = written.of_kind(events.SEEN_THREAD)
    assert seen.details[events.PARENT] == child.pid != thread.tid
    assert [one.tid for one in written.of_kind(events.GONE)] == [thread.tid]


def test_names(program: Start, written: Writing) -> None:
    """A thread is called what Python calls it, once that is known, and that is written down once."""
    child = program("import sys; print(flush=True); sys.stdin.read()")
    family = Family(child.pid, written.journal)
    family.look(monotonic_ns())
    for _ in range(2):
        family.name(child.pid, child.pid, "Main")
    family.name(child.pid, 1, "of nobody")

    names = written.spool().names
    assert [names[one.state] for one in written.of_kind(events.SEEN_THREAD)] == [Stat(child.pid).name, "Main"]


def test_of_this_process() -> None:
    """A process has a command line, and one that is not there has none."""
    assert command_of(os.getpid())
    assert command_of(99_999_999) == ""
