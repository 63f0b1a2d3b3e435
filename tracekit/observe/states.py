"""States: what all threads of some processes do, sampled from outside. Knows pids, and not who asks.

The processes do nothing for it, are not stopped, and their GILs are not needed. They need not record anything.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from tracekit.observe import procfs, refusal
from tracekit.observe.journal import Journal
from tracekit.observe.runtime import Runtime
from tracekit.observe.stat import image_of, is_dead
from tracekit.observe.threads import Thread

_COUNT_NS = 19_000_000  # between two looks for how many threads there are
_LIST_NS = 500_000_000  # and for which, where their number has not changed and none has ended
_IMAGE_NS = 1_000_000_000  # and for a program that has taken the place of another one
_SPARE = 128  # files for everything else
_FILES = 2  # that each thread keeps open
_MOST_THREADS = 4000

Key = TypeVar("Key")


class States:
    """Samples threads, and writes down what changes.

    Args:
        journal: where to.
        often: see Thread.
        most: how many threads are looked at; default what the limit on open files allows.
    """

    def __init__(self, journal: Journal, often: bool = False, most: int | None = None) -> None:
        self._journal = journal
        self._often = often
        self._most = most_threads() if most is None else most
        self._count = 0
        self._wanted: set[object] = set()
        self._processes: dict[object, _Process] = {}
        self._said: set[str] = set()

    def look(self, processes: Mapping[Key, int], now: int) -> None:
        """Look at each thread once.

        Args:
            processes: pids; by what tells apart two programs that have the same pid one after the other.
            now: CLOCK_MONOTONIC, ns.
        """
        if processes.keys() != self._wanted:
            self._change(processes)
        for process in self._processes.values():
            self._look(process, now)

    def close(self) -> None:
        """Write down what is known, and let go of all."""
        self._change({})

    def _change(self, processes: Mapping[Key, int]) -> None:
        self._wanted = set(processes)
        for gone in self._processes.keys() - processes.keys():
            self._let_go(self._processes.pop(gone))
        for key, pid in processes.items():
            if key not in self._processes:
                try:
                    self._processes[key] = _Process(pid)
                except OSError as error:
                    if refusal.is_there(pid):  # otherwise it has ended, and nobody has noticed yet
                        self._say("hidden", refusal.why_hidden(pid, error.strerror or str(error)))

    def _let_go(self, process: _Process) -> None:
        for thread in process.threads.values():
            thread.end()
        self._count -= len(process.threads)
        process.close()

    def _look(self, process: _Process, now: int) -> None:
        if now >= process.next_list or (now >= process.next_count and process.has_others(now)):
            self._list(process, now)
        runtime = process.runtime
        gone = []
        for tid, thread in process.threads.items():
            try:
                thread.look(runtime)
            except (OSError, ValueError):
                gone.append(tid)
        for tid in gone:
            process.threads.pop(tid).end()
            self._count -= 1
            process.next_list = now  # another one may have taken its place
        if runtime.is_in_doubt and now >= runtime.next_look:
            runtime.refresh(now)
        if runtime.changes != process.changes:
            process.changes = runtime.changes
            for thread in process.threads.values():
                thread.reconsider()

    # Which threads there are.

    def _list(self, process: _Process, now: int) -> None:
        process.next_list = now + _LIST_NS
        if now >= process.next_image:
            process.next_image = now + _IMAGE_NS
            process.look_for_exec()
        try:
            process.links = os.fstat(process.tasks).st_nlink
            tids = {int(name) for name in os.listdir(process.tasks)}
        except OSError:  # it is gone
            tids = set()
        if process.runtime.gil is not None and process.threads.keys() != tids:
            process.runtime.gil.forget()
        for tid in process.threads.keys() - tids:
            process.threads.pop(tid).end()
            self._count -= 1
        for tid in sorted(tids - process.threads.keys()):
            if self._count >= self._most:
                self._say(
                    "room",
                    f"of more than {self._most} threads at a time it is not known what they do: each keeps {_FILES} files "
                    "open, and `ulimit -n` allows no more",
                )
                break
            self._add(process, tid)
        self._say_why(process)

    def _add(self, process: _Process, tid: int) -> None:
        try:
            thread = Thread(process.pid, tid, process.tasks, self._journal, self._often)
        except FileNotFoundError:
            if os.path.exists(f"/proc/{process.pid}/task/{tid}/stat"):
                self._say(
                    "times", "nothing is known of what threads do: this kernel has no /proc/PID/task/TID/schedstat"
                )
            return  # it has ended
        except OSError:  # likewise, or too many files are open
            return
        process.threads[tid] = thread
        self._count += 1

    # What the user must know.

    def _say_why(self, process: _Process) -> None:
        """Say, once a process, what is not told of it."""
        if process.is_explained or not process.threads:
            return
        first = next(iter(process.threads.values()))
        with suppress(OSError, ValueError):
            first.look(process.runtime)
        process.is_explained = True
        pid = process.pid
        if first.hidden:
            if not is_dead(pid):
                self._say(first.hidden, refusal.why(pid, first.hidden))
        elif process.runtime.missing:
            why = process.runtime.missing
            if not is_dead(pid):
                self._say(
                    why, f"waits for the GIL of process {pid} are not all told from waits for other locks ({why})"
                )
        elif process.runtime.has_no_gil:
            self._say("no gil", f"process {pid} runs a free-threaded Python: its threads have no GIL to wait for")
        elif not first.is_counted:
            self._say("times", "this kernel does not count for how long threads run and wait for a processor")

    def _say(self, what: str, sentence: str) -> None:
        """Say something once, of whichever process it is true first."""
        if what not in self._said:
            self._said.add(what)
            self._journal.note([sentence])


class _Process:
    """One process.

    Raises:
        OSError: there is none.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.tasks = procfs.open_tasks(pid)
        self.threads: dict[int, Thread] = {}
        self.links = -1
        self.next_count = 0
        self.next_list = 0
        self.next_image = 0
        self.is_explained = False
        self.runtime = Runtime(pid)
        self.changes = 0
        self._image = image_of(pid)

    def close(self) -> None:
        os.close(self.tasks)
        self.runtime.close()

    def has_others(self, now: int) -> bool:
        """Whether there are more or fewer threads than when they were listed; the number of links is theirs, and costs little."""
        self.next_count = now + _COUNT_NS
        return os.fstat(self.tasks).st_nlink != self.links

    def look_for_exec(self) -> None:
        """Another program in its place has another interpreter, or none."""
        image = image_of(self.pid)
        if image != self._image:
            self._image = image
            self.runtime.close()
            self.runtime = Runtime(self.pid)
            self.changes = -1


def most_threads() -> int:
    """How many threads can be looked at at the same time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_THREADS if soft == resource.RLIM_INFINITY else max(1, min(_MOST_THREADS, (soft - _SPARE) // _FILES))
