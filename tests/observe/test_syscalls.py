"""System calls: the numbers are the kernel's own. Knows no process."""

from __future__ import annotations

import platform
import re
from collections import Counter
from pathlib import Path

import pytest

from tracekit.observe.syscalls import CALLS, calls_of

_HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
_DEFINED = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)")


def in_header(machine: str) -> dict[str, int]:
    """The numbers that the kernel's headers give, as far as they are on this machine."""
    for path in _HEADERS[machine]:
        if Path(path).exists():
            return {name: int(number) for name, number in _DEFINED.findall(Path(path).read_text())}
    pytest.skip("the kernel's headers are not here")


@pytest.mark.parametrize("machine", _HEADERS)
def test_numbers(machine: str) -> None:
    """Each call has the number that the kernel's headers give it."""
    defined = in_header(machine)
    wrong = {
        call.name: number
        for number, call in calls_of(machine).items()
        if call.name in defined and defined[call.name] != int(number)
    }

    assert wrong == {}


@pytest.mark.parametrize("machine", _HEADERS)
def test_each_once(machine: str) -> None:
    """No call stands twice, and both machines know what Python waits with."""
    names = Counter(call.name for call in calls_of(machine).values())

    assert set(names.values()) == {1}
    assert names.keys() >= {"futex", "read", "clock_nanosleep", "epoll_pwait", "pselect6", "ppoll", "wait4"}


def test_other_machines() -> None:
    """Where the numbers are not known, no call is."""
    assert calls_of("vax") == {}
    assert calls_of(platform.machine()) == CALLS
