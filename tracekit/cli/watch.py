"""Watch: while a flight recorder's program runs, has its last part written out when there is a reason. Knows no trace.

A dump is a process of its own, so that whatever it takes or breaks it does elsewhere; one at a time.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from tracekit.clock import monotonic_ns
from tracekit.dumps import plain_environment, tracekit_command
from tracekit.options import Options
from tracekit.record.recorder import tell
from tracekit.spool.prune import prune

_INTERVAL = 0.2
_MOST = 10  # dumps that nobody asked for by hand
_PAUSE = 1_000_000_000  # ns between them, where the window is shorter or has no length
_SIGNAL = "SIGUSR2"


class Watch:
    """Watches a session from a thread of this process.

    Args:
        directory: of the session.
        options: its own; a session that is no flight recorder is dumped on demand only.
    """

    def __init__(self, directory: str, options: Options) -> None:
        self._directory = directory
        self._options = options
        self._limits = options.limits()
        self._wake = threading.Event()
        self._over = False
        self._demands = 0
        self._reasons: dict[str, None] = {}
        self._dumps = 0
        self._next = 0
        self._next_tidying = 0
        self._pause = max(options.flight_ns // 2, _PAUSE)
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        with suppress(RuntimeError):  # no thread to be had: the program matters more
            self._thread.start()

    def demand(self) -> None:
        """Have a dump made; may be called by a signal handler."""
        self._demands += 1
        self._wake.set()

    def stop(self) -> None:
        """End it; a dump that is being made is waited for."""
        self._over = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        flight = self._limits.is_flight
        stalls: Any = None
        if flight:
            from tracekit.observe.stalls import Stalls

            stalls = Stalls(self._directory, self._options.threshold)
        while not self._over:
            self._wake.wait(_INTERVAL if flight or self._demands or self._is_dumping() else None)
            self._wake.clear()
            with suppress(OSError, ValueError):
                if flight:
                    self._reasons.update(dict.fromkeys(stalls.look()))
                    self._tidy()
                self._dump_if_due()
        if self._child is not None:
            self._child.wait()

    def _tidy(self) -> None:
        now = monotonic_ns()
        if now >= self._next_tidying:
            self._next_tidying = now + self._pause
            prune(self._directory, self._limits)

    def _dump_if_due(self) -> None:
        if self._over or self._is_dumping():
            return
        if self._demands:
            self._demands = 0
            self._dump(_SIGNAL)
        elif self._reasons and monotonic_ns() >= self._next:
            reason = "; ".join(self._reasons)
            self._reasons.clear()
            self._dumps += 1
            if self._dumps <= _MOST:
                self._next = monotonic_ns() + self._pause
                self._dump(reason)
            elif self._dumps == _MOST + 1:
                tell(f"no dump is written by itself after {_MOST}; `tracekit dump` and SIGUSR2 still make one")

    def _is_dumping(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _dump(self, reason: str) -> None:
        words = ("dump", self._directory, "--because", reason, "--threshold", f"{self._options.threshold}ns")
        try:
            # A session of its own: what the terminal sends to the program is not meant for it.
            self._child = subprocess.Popen(
                tracekit_command(*words),
                env=plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            tell(f"cannot run {sys.executable} for a dump: {error.strerror}")
