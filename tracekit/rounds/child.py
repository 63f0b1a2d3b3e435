"""Child: runs a command in a process of its own, weighs it meanwhile, and leaves nothing of it behind. Knows no workload."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from tracekit.rounds import tree

_LOOK_S = 0.02
_SHARE = 50  # weighing takes at most one part of so many of the time
_LONGEST_REASON = 300  # characters

# A session that goes on around us is not the child's: it is to be measured alone.
_NOT_ITS = ("TRACEKIT_SESSION", "TRACEKIT_OPTIONS")


class Failed(Exception):
    """A run came to nothing; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a process and its descendants weighed together at some time.

    Attributes:
        time: CLOCK_MONOTONIC, ns.
        pss: bytes; what several share counts once.
    """

    time: int
    pss: int


def run(command: Sequence[str], timeout_s: float, weighs: bool = True) -> list[Look]:
    """Run a command until it ends; what it prints is dropped, what it has left running is killed, also if we are interrupted.

    Args:
        timeout_s: after so long it is killed.
        weighs: whether to look at its memory meanwhile.

    Returns:
        What it weighed; nothing where nobody looked, or the kernel does not tell.

    Raises:
        Failed: it could not be started, ended by a signal or with another exit code than 0, or took too long.
    """
    with tempfile.TemporaryFile() as said:
        process = _start(command, said)
        try:
            looks = _follow(process.pid, timeout_s, weighs)
        finally:
            tree.end(process.pid)
            process.wait()
        if looks is None:
            raise Failed(f"it was not done after {timeout_s:g} s, and was ended; --timeout gives it longer")
        if process.returncode:
            said.seek(0)
            raise Failed(_reason(process.returncode, said.read()))
    return looks


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


def _follow(pid: int, timeout_s: float, weighs: bool) -> list[Look] | None:
    """Its weights until the process ends; None if it is late. It is not waited for: its pid and its group stay its own."""
    begun = due = time.monotonic()
    looks: list[Look] = []
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        now = time.monotonic()
        if now - begun > timeout_s:
            return None
        if weighs and now >= due:
            weight = tree.weight_of(pid)
            ended = time.monotonic()
            looks += [Look(int(now * 1e9), weight)] if weight else []
            due = max(now + _LOOK_S, ended + (ended - now) * _SHARE)
        time.sleep(_LOOK_S / 2)
    return looks


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
