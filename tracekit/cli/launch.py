"""Launch: runs a program in a session as if tracekit were not there, and passes its end on. Knows nothing of traces."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from tracekit import clock
from tracekit.cli.sampling import Sampling
from tracekit.cli.watch import Watch
from tracekit.errors import UsageError
from tracekit.hooks.entry import why_not_entered
from tracekit.options import Options, environment
from tracekit.spool import directory as session_directory

_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)  # the terminal sends them to the program as well
_FORWARDED = (signal.SIGTERM, signal.SIGHUP)
_DEMAND = signal.SIGUSR2  # for a dump; to this process, never to the program
_LONGEST_WAIT = 1.0  # seconds, until the program records; one that never does needs a trace as well


@dataclass
class Program:
    """What is to be run: a name for it, and its argv."""

    name: str
    command: list[str]


@dataclass
class End:
    """How the program ended.

    Attributes:
        status: as subprocess gives it: an exit code, or minus a signal's number.
        preloading: the thread that loads what the trace will need; to be joined before that is imported, because what
            another thread fails to import looks half made.
    """

    status: int
    preloading: threading.Thread | None = None

    def leave(self, failed: bool = False) -> NoReturn:
        """End this process as the program ended.

        Args:
            failed: tracekit itself could not do its work; where the program was content, say so by exit code 2.
        """
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with suppress(OSError, ValueError):  # full, or closed
                    stream.flush()
        if self.status < 0:
            number = -self.status
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
            signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
            os.kill(os.getpid(), number)
            os._exit(128 + number)  # the signal is blocked
        os._exit(self.status or (2 if failed else 0))


def launch(program: Program, directory: str, options: Options, description: dict[str, Any]) -> End:
    """Run the program in the session at `directory` until it ends, and complete the session's description.

    It stays in this process group. Meanwhile this process ignores INT and QUIT, forwards TERM and HUP, and on USR2
    has a dump made.

    Raises:
        UsageError: there is no such command, or it cannot be executed.
    """
    joined = environment(directory, options, os.environ)
    watch = Watch(directory, options, shared="output_path" in description)
    with _Signals(watch.demand) as signals:
        child = _start(program, joined)
        signals.follow(child)
        executable = shutil.which(program.command[0]) or program.command[0]
        description["child_pid"] = child.pid
        description["untraced"] = why_not_entered(program.command, os.path.realpath(executable), joined)
        session_directory.write(directory, description)
        signals.take_demands()
        sampling = Sampling(directory, options) if options.sample_rate else None
        if sampling is not None:
            sampling.start(child.pid)
        watch.start(child.pid)
        preloading = _start_preloading(watch.sees, description["output"])
        status = child.wait()
        signals.refuse_demands()
        watch.stop()
        if sampling is not None:
            sampling.stop()
        description["ended_monotonic"], description["ended_wall"] = clock.anchor()
        session_directory.set_anchor(description)
        description["status"] = status
        description["exit_status"] = status if status >= 0 else 128 - status
        session_directory.write(directory, description)
    return End(status, preloading)


def _start(program: Program, joined: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(program.command, env=joined, close_fds=False, restore_signals=True)
    except OSError as error:
        raise UsageError(f"cannot run {program.command[0]}: {error.strerror}") from None


class _Signals:
    """What this process does with signals while the program runs; `with` puts everything back in the end.

    Args:
        demand: called when a dump is asked for.
    """

    def __init__(self, demand: Callable[[], None]) -> None:
        self._demand = demand
        self._child: subprocess.Popen[bytes] | None = None
        self._received: list[int] = []
        # Handlers of Python's, not SIG_IGN, which the program would inherit.
        self._handlers: dict[int, Any] = dict.fromkeys(_FROM_TERMINAL, lambda _number, _frame: None)
        self._handlers.update(dict.fromkeys(_FORWARDED, self._forward))
        self._handlers[_DEMAND] = lambda _number, _frame: self._demand()
        self._before = {number: signal.getsignal(number) for number in self._handlers}

    def __enter__(self) -> _Signals:
        for number, handler in self._handlers.items():
            if self._before[number] is not signal.SIG_IGN:  # what was ignored already stays so, for both
                signal.signal(number, handler)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, previous in self._before.items():
            signal.signal(number, previous)

    def follow(self, child: subprocess.Popen[bytes]) -> None:
        """Forward to the program from now on, also what has come already and what was ignored: the program has inherited that."""
        self._child = child
        for number in self._received:
            child.send_signal(number)
        for number in _FORWARDED:
            signal.signal(number, self._forward)

    def take_demands(self) -> None:
        """From now on a dump can be asked for, also where the signal was ignored."""
        signal.signal(_DEMAND, self._handlers[_DEMAND])

    def refuse_demands(self) -> None:
        """From now on for good: a late one must neither kill this process nor interrupt what follows."""
        signal.signal(_DEMAND, signal.SIG_IGN)
        self._before.pop(_DEMAND)

    def _forward(self, number: int, _frame: Any) -> None:
        if self._child is None:
            self._received.append(number)
        elif self._child.returncode is None:
            self._child.send_signal(number)


def _start_preloading(when: threading.Event, output: str) -> threading.Thread | None:
    """While the program runs and this process has nothing more urgent to do, load what the trace will need."""
    thread = threading.Thread(target=_preload, args=(when, output), daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread to be had
        return None
    return thread


def _preload(when: threading.Event, output: str) -> None:
    when.wait(_LONGEST_WAIT)
    with suppress(Exception):  # it will fail again where somebody can be told
        from pathlib import Path

        import tracekit.cli.finish  # noqa: F401
        from tracekit.export.write import prepare

        prepare(Path(output))
