"""Sampling: has a program sampled by py-spy from its first line on. Knows when to begin and when to end, and no trace.

py-spy samples all that this process has started, a beacon as well, by which it is known when it looked. The program waits
(record/held.py) until it is looked at.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from tracekit.cli.diagnostics import say
from tracekit.observe import pyspy
from tracekit.observe.beacon import Beacon
from tracekit.observe.refusal import may_look, why_not_sampled
from tracekit.options import Options
from tracekit.record import permission
from tracekit.spool import beside

_POLL_S = 0.005
_PATIENCE_S = 30.0  # until it is attached, and in the end until it has written its samples
_SETTLING_S = 0.1  # it looks at this process first, and at the program hardly later


class Sampling:
    """Samples a program from a thread of this process.

    Args:
        directory: of the session.
        options: its own.
    """

    def __init__(self, directory: str, options: Options) -> None:
        self._directory = directory
        self._options = options
        self._pid = 0
        self._over = threading.Event()
        self._recording: pyspy.Recording | None = None
        self._beacon: Beacon | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, pid: int) -> None:
        """Begin, as soon as the program whose first process this is has a Python."""
        self._pid = pid
        try:
            self._thread.start()
        except RuntimeError:  # no thread to be had
            self._let_go()

    def stop(self) -> None:
        """The program is over: have the samples written."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        recording = self._recording
        if recording is not None:
            recording.end(_PATIENCE_S)
            if recording.error:
                self._say(f"there are no samples of py-spy: {recording.error}")
        if self._beacon is not None:
            self._beacon.stop()

    def _run(self) -> None:
        held = self._path(beside.HELD)
        while not os.path.exists(held):
            if self._over.wait(_POLL_S):
                return
        try:
            self._attach()
        except OSError as error:
            self._say(f"there are no samples: py-spy cannot be started ({error.strerror})")
        finally:
            self._let_go()

    def _attach(self) -> None:
        pid = self._first()
        if not may_look(pid):
            return self._say(f"there are no samples: {why_not_sampled(pid)}")
        program = pyspy.executable()
        if program is None:
            return self._say("there are no samples: py-spy is not installed")
        permission.allow(os.getpid())
        self._beacon = Beacon(self._path(beside.BEATS))
        rate, native = self._options.sample_rate, bool(self._options.native)
        recording = pyspy.Recording(program, os.getpid(), rate, self._path(beside.SAMPLES), native)
        waited = 0.0
        while not recording.is_attached():
            if recording.is_over():
                why = why_not_sampled(pid) if recording.is_denied else recording.error
                return self._say(f"there are no samples: {why}")
            if self._over.wait(_POLL_S) or waited > _PATIENCE_S:
                break
            waited += _POLL_S
        self._recording = recording
        self._over.wait(_SETTLING_S)
        return None

    def _first(self) -> int:
        """The pid of the first Python that waits."""
        with open(self._path(beside.HELD), encoding="utf-8") as file:
            line = file.readline().strip()
        return int(line) if line.isdecimal() else self._pid

    def _let_go(self) -> None:
        with suppress(OSError), open(self._path(beside.GO), "x", encoding="utf-8") as file:
            file.write(str(self._options.sample_rate))

    def _say(self, sentence: str) -> None:
        say("no-samples", sentence, "warning")
        with suppress(OSError), open(self._path(beside.SAID), "w", encoding="utf-8") as file:
            file.write(sentence)

    def _path(self, what: str) -> str:
        return beside.path_of(self._directory, os.getpid(), what)
