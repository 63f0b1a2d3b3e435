"""Watch: while a program runs, has its event loops observed, and its last part dumped when there is a reason. Knows no trace.

A dump is a process of its own, so that whatever it takes or breaks it does elsewhere; one at a time.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from tracekit.cli.diagnostics import VARIABLE, is_json, log_format, say
from tracekit.cli.joining import Turn
from tracekit.clock import monotonic_ns
from tracekit.dumps import MAIN, plain_environment, tracekit_command
from tracekit.observe.pace import Pace
from tracekit.options import Options
from tracekit.spool.prune import prune

_INTERVAL_NS = 200_000_000
_MOST = 10  # dumps that nobody asked for by hand
_PAUSE = 1_000_000_000  # ns between them, where the window is shorter or has no length
_SIGNAL = "SIGUSR2"


class Watch:
    """Watches a session from a thread of this process.

    Args:
        directory: of the session.
        options: its own; a session that is no flight recorder is dumped on demand only.
        shared: others may watch it as well; one at a time does.

    Attributes:
        sees: set once the program is being looked at, or will not be: until then everything else in this process should wait.
    """

    def __init__(self, directory: str, options: Options, shared: bool = False) -> None:
        self._directory = directory
        self._shared = shared
        self._options = options
        self._program: int | None = None
        self._dumps = _Dumps(directory, options)
        self.sees = threading.Event()
        self._wake = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, program: int | None = None) -> None:
        """Begin to watch.

        Args:
            program: its pid.
        """
        self._program = program
        with suppress(RuntimeError):  # no thread to be had: the program matters more
            self._thread.start()

    def demand(self) -> None:
        """Have a dump made; may be called by a signal handler."""
        self._dumps.demand()
        self._wake.set()

    def stop(self) -> None:
        """End it; a dump that is being made is waited for."""
        self._over = True
        self._wake.set()
        self.sees.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        wanted = bool(self._options.rate) or self._dumps.is_flight or "locks" in self._options.hooks
        turn = Turn(self._directory) if self._shared else None
        looks: _Looks | None = None
        pace = Pace((1 / self._options.rate) if self._options.rate else _INTERVAL_NS / 1e9)
        next_dump = 0
        while not self._over:
            if wanted and looks is None and (turn is None or turn.take()):
                looks = _Looks(self._directory, self._options, self._program)
            if looks is None or looks.has_seen:
                self.sees.set()
            pause = pace.pause() if looks is not None else _INTERVAL_NS / 1e9
            self._wake.wait(pause if wanted or self._dumps.is_due else None)
            self._wake.clear()
            with suppress(OSError, ValueError):
                now = monotonic_ns()
                if looks is not None:
                    looks.look(now)
                if now >= next_dump or self._dumps.is_demanded:
                    next_dump = now + _INTERVAL_NS
                    self._dumps.look(looks.reasons(now) if looks is not None else [], self._over)
        if looks is not None:
            looks.close()
        if turn is not None:
            turn.close()
        self._dumps.wait()


class _Looks:
    """What is to be seen of the event loops while they run: at each look for the observer, now and then for the dumps."""

    def __init__(self, directory: str, options: Options, program: int | None) -> None:
        # Late, for numpy takes its time: the program has begun meanwhile.
        from tracekit.observe.deadlocks import Deadlocks
        from tracekit.observe.live import Live
        from tracekit.observe.losses import Losses
        from tracekit.observe.sampler import Observer
        from tracekit.observe.stalls import Stalls

        limits = options.limits()
        self._live = Live(directory)
        self._observer = (
            Observer(directory, self._live, options.threshold, limits, program, MAIN) if options.rate else None
        )
        self._is_flight = limits.is_flight
        self._stalls = Stalls(self._live, options.threshold) if self._is_flight or is_json() else None
        self._deadlocks = Deadlocks(self._live)
        self._losses = Losses(directory) if is_json() else None
        self._running: list[Any] = []

    @property
    def has_seen(self) -> bool:
        """Whether the observer, if there is one, has begun to write down what it sees."""
        return self._observer is None or self._observer.is_open

    def look(self, now: int) -> None:
        self._running = self._live.look(now) if self._observer is None else self._observer.look(now)

    def reasons(self, now: int) -> list[str]:
        """Why a dump should be made now, by a flight recorder; a deadlock is said to the user in any case."""
        deadlocks = self._deadlocks.look(now)
        for deadlock in deadlocks:
            say("deadlock-seen", f"{deadlock.name} in {deadlock.sentence}", "error", pid=deadlock.pid)
        if self._stalls is None:
            return []
        stalls = self._stalls.look(self._running, now)
        self._say_what_is_seen(stalls)
        if not self._is_flight:
            return []
        return stalls + [f"{each.name} (process {each.pid})" for each in deadlocks]

    def _say_what_is_seen(self, stalls: list[str]) -> None:
        """Programs are told at once what people read in the end."""
        if self._losses is not None:
            for stall in stalls:
                say("stall-seen", stall, "warning")
            for loss in self._losses.look():
                say(loss.event, loss.sentence, "warning", pid=loss.pid, records=loss.records)

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self._say_what_is_seen([])
        with suppress(OSError):
            if self._observer is not None:
                self._observer.close()
        self._live.close()


class _Dumps:
    """The dumps of a session, and what a flight recorder's directory needs beside them."""

    def __init__(self, directory: str, options: Options) -> None:
        self._directory = directory
        self._threshold = options.threshold
        self._limits = options.limits()
        self.is_flight = self._limits.is_flight
        self.is_demanded = False
        self._reasons: dict[str, None] = {}
        self._count = 0
        self._next = 0
        self._next_tidying = 0
        self._pause = max(options.flight_ns // 2, _PAUSE)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something to be done about them soon."""
        return self.is_demanded or self._is_dumping()

    def demand(self) -> None:
        self.is_demanded = True

    def look(self, reasons: list[str], over: bool) -> None:
        """Make the dump that is due, if one is.

        Args:
            reasons: what has come up.
            over: the program has ended, and its trace will be written.
        """
        self._reasons.update(dict.fromkeys(reasons))
        if self.is_flight:
            self._tidy()
        if over or self._is_dumping():
            return
        if self.is_demanded:
            self.is_demanded = False
            self._dump(_SIGNAL)
        elif self._reasons and monotonic_ns() >= self._next:
            reason = "; ".join(self._reasons)
            self._reasons.clear()
            self._count += 1
            if self._count <= _MOST:
                self._next = monotonic_ns() + self._pause
                self._dump(reason)
            elif self._count == _MOST + 1:
                text = f"no dump is written by itself after {_MOST}; `tracekit dump` and SIGUSR2 still make one"
                say("dumps-ended", text, "warning")

    def wait(self) -> None:
        """Wait for the one that is being made."""
        if self._child is not None:
            self._child.wait()

    def _tidy(self) -> None:
        now = monotonic_ns()
        if now >= self._next_tidying:
            self._next_tidying = now + self._pause
            prune(self._directory, self._limits)

    def _is_dumping(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _dump(self, reason: str) -> None:
        words = ("dump", self._directory, "--because", reason, "--threshold", f"{self._threshold}ns")
        try:
            # A session of its own: what the terminal sends to the program is not meant for it.
            self._child = subprocess.Popen(
                tracekit_command(*words),
                env={**plain_environment(), VARIABLE: log_format()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            say("dump-failed", f"cannot run {sys.executable} for a dump: {error.strerror}", "error")
