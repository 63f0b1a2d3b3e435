"""Refusal: why the kernel does not tell of a process, and what to do about it. Knows its rules, and no session."""

from __future__ import annotations

import os

_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"


def why(pid: int, reason: str) -> str:
    """One line for the user.

    Args:
        pid: of the process.
        reason: what the kernel said.
    """
    return f"what the threads of process {pid} wait for is not known ({reason}): {_advice(pid)}"


def why_hidden(pid: int, reason: str) -> str:
    """One line for the user, where nothing at all is told of a process. Arguments as for `why`."""
    return (
        f"what the threads of process {pid} do is not known ({reason}): /proc is mounted so that it hides them (hidepid), or "
        "too many files are open; look as root"
    )


def why_not_sampled(pid: int) -> str:
    """One line for the user, where py-spy may not look into a process."""
    return f"py-spy may not look into process {pid}: {_advice(pid)}"


def may_look(pid: int) -> bool:
    """Whether this process may read the memory of another one."""
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))
    except OSError:
        return False
    return True


def is_there(pid: int) -> bool:
    """Whether there is a process, whoever may see it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _advice(pid: int) -> str:
    if _user(pid) not in (os.geteuid(), None):
        return "it belongs to another user; run tracekit as that user, or as root"
    scope = _scope()
    if scope == 1:
        return "kernel.yama.ptrace_scope is 1, so only what started it may look; start it with `tracekit run`, or look as root"
    if scope > 1:
        return f"kernel.yama.ptrace_scope is {scope}, so " + ("only root may look" if scope == 2 else "nobody may look")
    return "it has changed its user or keeps its memory to itself (prctl PR_SET_DUMPABLE); look as root"


def _user(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            _, _, said = file.read().partition(b"\nUid:")
        return int(said.split(None, 2)[1])
    except (OSError, ValueError, IndexError):
        return None


def _scope() -> int:
    """0 where there is no Yama."""
    try:
        with open(_SCOPE, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
