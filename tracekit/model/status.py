"""Status: how a process ended, in words. Knows only the number that Process.status is."""

from __future__ import annotations

import signal


def say_status(status: int) -> str:
    """What a process's status means: "exit code 3", "killed by SIGKILL"."""
    return f"killed by {say_signal(-status)}" if status < 0 else f"exit code {status}"


def say_signal(number: int) -> str:
    """The name of a signal: "SIGKILL"."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
