"""Stat: what /proc/PID/stat tells of a process. Knows the file, and no session."""

from __future__ import annotations

_STATE, _PARENT, _BORN = 0, 1, 19  # fields after the name
_START_CODE, _START_STACK = 23, 25
_DEAD = (b"Z", b"X")


class Stat:
    """A process, as the kernel describes it at one moment.

    Attributes:
        name: what the kernel calls it.
        is_dead: it has ended, though its parent may not have asked for it.
        parent: a pid.
        born: when, in clock ticks since boot: with its pid that is one process's for ever.
        image: what an exec changes: where its code and its stack lie.

    Args:
        pid: of the process.

    Raises:
        OSError: there is none, or it is hidden.
        ValueError: the kernel says something else.
    """

    def __init__(self, pid: int) -> None:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            before, _, after = file.readall().rpartition(b")")
        fields = after.split()
        if len(fields) <= _START_STACK:
            raise ValueError("the kernel writes other fields than are known")
        self.name = before.partition(b"(")[2].decode("utf-8", "replace")
        self.is_dead = fields[_STATE] in _DEAD
        self.parent = int(fields[_PARENT])
        self.born = int(fields[_BORN])
        self.image = tuple(fields[_START_CODE : _START_STACK + 1])


def is_dead(pid: int) -> bool:
    """Whether a process has ended, or never was."""
    try:
        return Stat(pid).is_dead
    except (OSError, ValueError):
        return True


def image_of(pid: int) -> tuple[bytes, ...]:
    """`Stat.image`; empty where that is not told."""
    try:
        return Stat(pid).image
    except (OSError, ValueError):
        return ()
