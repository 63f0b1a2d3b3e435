"""System calls: which of them wait for what. Knows the kernel's numbers, and no process.

The numbers differ between kinds of processors; a call that one of them lacks has the number -1 there.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from tracekit import events

_LOCK = events.STATE_LOCK
_POLL = events.STATE_POLL
_IO = events.STATE_IO
_SLEEP = events.STATE_SLEEP
_CHILD = events.STATE_CHILD

_NOBODY = -1


class Call(NamedTuple):
    """What a system call tells of a thread that is in it.

    Attributes:
        name: as in its manual page.
        state: one of events.STATES.
        of_address: its first argument is the address that it waits at.
        files: which argument says how many files it looks at, for one that may look at none; -1: none of them.
        timeout: which argument says for how long, for such a one.
        is_pointer: that argument is a pointer, so that 0 means for ever; otherwise a negative number does.
    """

    name: str
    state: int
    of_address: bool = False
    files: int = -1
    timeout: int = -1
    is_pointer: bool = False


# Number on x86_64, number on aarch64, call.
_TABLE = (
    (202, 98, Call("futex", _LOCK, of_address=True)),
    (455, 455, Call("futex_wait", _LOCK, of_address=True)),
    (449, 449, Call("futex_waitv", _LOCK)),
    (65, 193, Call("semop", _LOCK)),
    (220, 192, Call("semtimedop", _LOCK)),
    (73, 32, Call("flock", _LOCK)),
    (72, 25, Call("fcntl", _LOCK)),  # what waits in it waits for the lock of a file
    (7, _NOBODY, Call("poll", _POLL, files=1, timeout=2)),
    (271, 73, Call("ppoll", _POLL, files=1, timeout=2, is_pointer=True)),
    (23, _NOBODY, Call("select", _POLL, files=0, timeout=4, is_pointer=True)),
    (270, 72, Call("pselect6", _POLL, files=0, timeout=4, is_pointer=True)),
    (232, _NOBODY, Call("epoll_wait", _POLL)),
    (281, 22, Call("epoll_pwait", _POLL)),
    (441, 441, Call("epoll_pwait2", _POLL)),
    (35, 101, Call("nanosleep", _SLEEP)),
    (230, 115, Call("clock_nanosleep", _SLEEP)),
    (61, 260, Call("wait4", _CHILD)),
    (247, 95, Call("waitid", _CHILD)),
    (0, 63, Call("read", _IO)),
    (17, 67, Call("pread64", _IO)),
    (19, 65, Call("readv", _IO)),
    (295, 69, Call("preadv", _IO)),
    (327, 286, Call("preadv2", _IO)),
    (45, 207, Call("recvfrom", _IO)),
    (47, 212, Call("recvmsg", _IO)),
    (299, 243, Call("recvmmsg", _IO)),
    (43, 202, Call("accept", _IO)),
    (288, 242, Call("accept4", _IO)),
    (42, 203, Call("connect", _IO)),
    (1, 64, Call("write", _IO)),
    (18, 68, Call("pwrite64", _IO)),
    (20, 66, Call("writev", _IO)),
    (296, 70, Call("pwritev", _IO)),
    (328, 287, Call("pwritev2", _IO)),
    (44, 206, Call("sendto", _IO)),
    (46, 211, Call("sendmsg", _IO)),
    (307, 269, Call("sendmmsg", _IO)),
    (40, 71, Call("sendfile", _IO)),
    (275, 76, Call("splice", _IO)),
    (276, 77, Call("tee", _IO)),
    (278, 75, Call("vmsplice", _IO)),
    (326, 285, Call("copy_file_range", _IO)),
    (26, 227, Call("msync", _IO)),
    (74, 82, Call("fsync", _IO)),
    (75, 83, Call("fdatasync", _IO)),
    (277, 84, Call("sync_file_range", _IO)),
    (306, 267, Call("syncfs", _IO)),
    (187, 213, Call("readahead", _IO)),
    (208, 4, Call("io_getevents", _IO)),
    (426, 426, Call("io_uring_enter", _IO)),
    (69, 189, Call("msgsnd", _IO)),
    (70, 188, Call("msgrcv", _IO)),
    (242, 182, Call("mq_timedsend", _IO)),
    (243, 183, Call("mq_timedreceive", _IO)),
)
_COLUMNS = {"x86_64": 0, "aarch64": 1}


def calls_of(machine: str) -> dict[bytes, Call]:
    """The calls by their numbers, written as the kernel writes them; empty where the numbers of the machine are not known."""
    column = _COLUMNS.get(machine)
    if column is None:
        return {}
    numbers = [(row[:2][column], row[2]) for row in _TABLE]
    return {str(number).encode(): call for number, call in numbers if number != _NOBODY}


CALLS = calls_of(os.uname().machine)
