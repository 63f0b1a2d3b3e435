"""What the kernel tells of a process: its name, its life, what an exec changes. Knows real processes, and no session."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from waiting import until

from tracekit.observe.stat import Stat, image_of, is_dead

NOBODY = 99_999_999  # beyond the largest pid


def test_of_this_process() -> None:
    """Name, parent and time of birth are those that the kernel keeps."""
    stat = Stat(os.getpid())
    assert stat.name == Path("/proc/self/comm").read_text().strip()
    assert (stat.parent, stat.is_dead) == (os.getppid(), False)
    assert stat.born >= Stat(1).born


def test_any_name(tmp_path: Path) -> None:
    """A name may hold what the file divides its fields by."""
    program = tmp_path / "a) b (c"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"]) as child:
        assert Stat(child.pid).name == program.name
        assert Stat(child.pid).parent == os.getpid()
        child.kill()


def test_dead() -> None:
    """A process is dead before its parent has asked for it, afterwards, and where there never was one."""
    with subprocess.Popen(["sleep", "1000"]) as child:
        assert not is_dead(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(child.pid)
    assert is_dead(NOBODY)
    with pytest.raises(OSError):
        Stat(NOBODY)


def test_an_exec() -> None:
    """An exec gives a process another image; what nobody is told of has none."""
    command = ["sh", "-c", "read go; exec sleep 1000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        before = image_of(child.pid)
        assert before == image_of(child.pid) != ()
        child.stdin.write("go\n")
        child.stdin.flush()
        until(lambda: Stat(child.pid).name == "sleep")
        assert image_of(child.pid) != before
        child.kill()
    assert image_of(NOBODY) == ()
