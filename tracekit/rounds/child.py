"""Child: runs a command in a process of its own, weighs it meanwhile, and leaves nothing of it behind. Knows no workload."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO

from tracekit.rounds import tree

_LOOK_S = 0.02
_SHARE = 50  # weighing takes at most one part of so many of the time
_LONGEST_REASON = 300  # characters

# A session that goes on around us is not the child's: it is to be measured alone.
_NOT_ITS = ("TRACEKIT_SESSION", "TRACEKIT_OPTIONS")


class Failed(Exception):
    """A run came to nothing; the message is one line that says why."""


def run(command: Sequence[str], timeout_s: float, weighs: bool = True) -> int | None:
    """Run a command until it ends; what it prints is dropped, what it has left running is killed, also if we are interrupted.

    Args:
        timeout_s: after so long it is killed.
        weighs: whether to look at its memory meanwhile.

    Returns:
        The most bytes that it and its descendants took together (PSS); None where nobody looked, or the kernel does not tell.

    Raises:
        Failed: it could not be started, ended by a signal or with another exit code than 0, or took too long.
    """
    with tempfile.TemporaryFile() as said:
        process = _start(command, said)
        try:
            peak = _follow(process.pid, timeout_s, weighs)
        finally:
            tree.end(process.pid)
            process.wait()
        if peak is _LATE:
            raise Failed(f"it was not done after {timeout_s:g} s, and was ended")
        if process.returncode:
            said.seek(0)
            raise Failed(_reason(process.returncode, said.read()))
    return peak


def _start(command: Sequence[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
    except OSError as error:
        raise Failed(f"cannot run {command[0]}: {error.strerror}") from None


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ours.items() if name not in _NOT_ITS}


_LATE = -1


def _follow(pid: int, timeout_s: float, weighs: bool) -> int | None:
    """The largest weight until the process ends, or _LATE. It is not waited for: its pid and its group stay its own."""
    begun = due = time.monotonic()
    peak = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        now = time.monotonic()
        if now - begun > timeout_s:
            return _LATE
        if weighs and now >= due:
            peak = max(peak, tree.weight_of(pid) or 0)
            ended = time.monotonic()
            due = max(now + _LOOK_S, ended + (ended - now) * _SHARE)
        time.sleep(_LOOK_S / 2)
    return peak or None


def _reason(status: int, said: bytes) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1].removeprefix("tracekit: ")[:_LONGEST_REASON] if lines else ""
    if status > 0:
        return last or f"it ended with exit code {status} and said nothing"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it was killed by {name}" + (f": {last}" if last else "")
