"""`tracekit observe`: looks at a session that a program leads itself, until that ends. Started by `tk.start`, never by hand."""

from __future__ import annotations

import os
import time
from select import POLLIN, poll

import click

from tracekit.clock import monotonic_ns
from tracekit.observe.live import Live
from tracekit.observe.pace import Pace
from tracekit.observe.sampler import Observer
from tracekit.options import Options
from tracekit.spool import layout
from tracekit.spool.limits import Limits

_PATIENCE_NS = 10_000_000_000  # until the leader's recording is there
_ASK_NS = 100_000_000
_ASK_MAPS_NS = 2_000_000_000
_KEPT_BYTES = 8 << 20


@click.command(hidden=True)
@click.argument("directory")
@click.argument("leader", type=int)
@click.argument("options")
@click.option(
    "--stay", is_flag=True, help="For all recordings that LEADER makes there, until it ends or removes DIRECTORY."
)
def command(directory: str, leader: int, options: str, stay: bool) -> None:
    """Observe the session in DIRECTORY until the process LEADER has ended its recording."""
    asked = Options.from_text(options)
    live = Live(directory)
    # What has long been looked at and dropped is let go of where one recording follows the other.
    observer = Observer(directory, live, asked.threshold, Limits(flight_bytes=_KEPT_BYTES) if stay else asked.limits())
    pace = Pace(1 / max(1, asked.rate))
    of_leader = _Leader(directory, leader)
    seen = False
    patience = monotonic_ns() + _PATIENCE_NS
    next_ask = 0
    try:
        while of_leader.is_there():
            now = monotonic_ns()
            observer.look(now)
            if now >= next_ask:
                next_ask = now + _ASK_NS
                goes_on = os.path.isdir(directory) if stay else of_leader.records(live, now)
                if not goes_on and (stay or seen or now >= patience):
                    return
                seen = seen or goes_on
            time.sleep(pace.pause())
    finally:
        observer.close()
        live.close()


class _Leader:
    """The process that leads the session; another one that gets its pid is not it.

    Args:
        directory: of the session.
        pid: of the process.
    """

    def __init__(self, directory: str, pid: int) -> None:
        self._name = os.path.basename(directory).replace("\n", "\\012")  # as the kernel writes it
        self._pid = pid
        self._next_maps = 0
        self._end: poll | None = None
        self._is_gone = False
        try:
            self._end = poll()
            self._end.register(os.pidfd_open(pid), POLLIN)
        except ProcessLookupError:
            self._is_gone = True
        except OSError:  # an old kernel
            self._end = None

    def is_there(self) -> bool:
        """Whether it has not ended; a zombie has."""
        if self._end is None:
            return os.path.exists(f"/proc/{self._pid}")
        self._is_gone = self._is_gone or bool(self._end.poll(0))
        return not self._is_gone

    def records(self, live: Live, now: int) -> bool:
        """Whether it records into the session; a program that has taken its place by an exec does not."""
        if not any(
            tails.header[layout.H_PID] == self._pid and live.is_recording(path)
            for path, tails in list(live.tails.items())
        ):
            return False
        if now >= self._next_maps:
            self._next_maps = now + _ASK_MAPS_NS
            return self._maps()
        return True

    def _maps(self) -> bool:
        try:
            with open(f"/proc/{self._pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
                return any(self._name in line for line in maps)
        except PermissionError:
            return True
        except OSError:
            return False
