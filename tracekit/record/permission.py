"""Permission: lets the observer look into this process where only ancestors may. Knows the kernel's rule, and no observer.

Yama's ptrace_scope 1 lets a process read another one's stacks only if it is an ancestor, or was named by it. What is named
is not inherited by a fork.
"""

from __future__ import annotations

from tracekit.spool.kernel_files import read

_SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
_PR_SET_PTRACER = 0x59616D61

_observer = 0


def allow(observer: int) -> None:
    """Let a process and what it starts look into this one; where everybody of the same user may, nothing is done.

    Args:
        observer: its pid; 0 for nobody.
    """
    global _observer
    _observer = observer
    renew()


def renew() -> None:
    """Say it again, in a fork."""
    if _observer and scope() == 1:
        try:
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_observer), 0, 0, 0)
        except (ImportError, OSError, AttributeError):  # then a block has no stack, and the trace says so
            pass


def scope() -> int:
    """Yama's ptrace_scope; 0 where there is no Yama."""
    try:
        return int(read(_SCOPE))
    except (OSError, ValueError):
        return 0
