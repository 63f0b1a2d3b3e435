"""Observing: what the tests of the observer read of what it has written down. Knows no test."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from tracekit import events
from tracekit.errors import TracekitError
from tracekit.observe.journal import Journal
from tracekit.spool.limits import Limits
from tracekit.spool.reader import Spool, read_spool

# Two threads compete for the GIL of an interpreter of their own; those of the first one only wait for input.
OWN_GIL = """
    import sys, textwrap, threading
    code = textwrap.dedent('''
        import threading
        def spin():
            while True:
                pass
        for _ in range(2):
            threading.Thread(target=spin).start()
        spin()
    ''')
    try:
        import _interpreters
        create, run = lambda: _interpreters.create("isolated"), _interpreters.exec
    except ImportError:
        import _xxsubinterpreters as _interpreters
        create, run = lambda: _interpreters.create(isolated=True), _interpreters.run_string
    print("", flush=True)
    sys.stdin.readline()
    threading.Thread(target=lambda: run(create(), code), daemon=True).start()
    sys.stdin.read()
"""


class Start(Protocol):
    """Starts a program."""

    def __call__(self, code: str, python: str = sys.executable) -> subprocess.Popen[str]: ...


class Sample(NamedTuple):
    """What was written down of one thread."""

    time: int
    tid: int
    state: int
    details: dict[int, int]


class Written:
    """What an observer has written so far.

    Args:
        folder: where its file is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def spool(self) -> Spool:
        """The file itself."""
        found = []
        for path in self.folder.glob("*.spool"):
            with suppress(TracekitError):  # it is being made
                found.append(read_spool(path))
        (spool,) = (spool for spool in found if spool.header.observer)
        return spool

    def of_kind(self, kind: int) -> list[Sample]:
        """All records of a kind."""
        found = []
        for thread in self.spool().threads:
            for at in np.flatnonzero(thread.kind == kind).tolist():
                details = {}
                for own in range(at + 1, len(thread)):
                    if thread.kind[own] < events.FIRST_DETAIL:
                        break
                    details[int(thread.kind[own])] = int(thread.time[own])
                found.append(Sample(int(thread.time[at]), int(thread.b[at]), int(thread.a[at]), details))
        return found

    def samples(self, tid: int | None = None) -> list[Sample]:
        """What threads did; of one thread only, if it is named."""
        return [sample for sample in self.of_kind(events.SAMPLE) if tid in (None, sample.tid)]

    def states(self, tid: int) -> list[int]:
        """What a thread did, one after the other."""
        return [sample.state for sample in self.samples(tid)]

    def notes(self) -> list[str]:
        """What the user is told."""
        names = self.spool().names
        return [names[note.state] for note in self.of_kind(events.NOTE)]


class Writing(Written):
    """A journal, and what is in it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        super().__init__(folder)
        self.journal = Journal(str(folder), limits)
