"""The observer that a program starts: what it holds of that program, and when it ends. Knows programs, and no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from waiting import until

from tracekit.cli import observe

DIRECTORY = "out.tracekit"


def start(folder: Path, program: str) -> subprocess.Popen[str]:
    """Start a program that has an observer."""
    begin = "import tracekit; tracekit.start('out.json', observe=True)"
    (folder / "program.py").write_text(textwrap.dedent(program).replace("BEGIN", begin))
    return subprocess.Popen(
        [sys.executable, "program.py"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def observers(folder: Path) -> list[int]:
    """The processes that observe the session in a folder."""
    words = b"observe\0" + os.fsencode(folder / DIRECTORY) + b"\0"
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdecimal() and words in Path(f"/proc/{entry}/cmdline").read_bytes():
                found.append(int(entry))
        except OSError:  # it has ended
            pass
    return found


def test_it_holds_no_file_of_the_program(tmp_path: Path) -> None:
    """A pipe that the program lets its children have ends when they are done with it, whatever the observer does."""
    program = """
        import os
        read, write = os.pipe()
        os.set_inheritable(write, True)
        BEGIN
        os.close(write)
        print(os.read(read, 1), flush=True)
        input()
    """
    with start(tmp_path, program) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "b''\n"
        until(lambda: observers(tmp_path))  # what it was begun as holds no file already, before it is an observer
        child.communicate("\n")
    until(lambda: not observers(tmp_path))


@pytest.mark.parametrize("stay", [[], ["--stay"]])
def test_a_program_that_was_killed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stay: list[str]) -> None:
    """An observer does not wait for the recording of a program that is dead, though nobody has asked how it ended."""
    monkeypatch.setattr(observe, "_PATIENCE_NS", 1 << 62)
    with subprocess.Popen(["sleep", "1000"]) as child:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        ended = CliRunner().invoke(observe.command, [str(tmp_path), str(child.pid), "rate=100", *stay])
    assert ended.exit_code == 0


def test_another_program_in_its_place(tmp_path: Path) -> None:
    """Once an exec has put another program in its place there is nothing to observe."""
    program = """
        import os
        BEGIN
        print("ready", flush=True)
        input()
        environment = {"PATH": os.environ["PATH"]}
        os.execvpe("sleep", ["sleep", "1000"], environment)
    """
    with start(tmp_path, program) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        (observer,) = until(lambda: observers(tmp_path))
        until(lambda: DIRECTORY in Path(f"/proc/{observer}/maps").read_text())
        child.stdin.write("\n")
        child.stdin.flush()
        until(lambda: not observers(tmp_path))
        assert child.poll() is None
        child.kill()


def test_ends_of_children_that_nobody_is_told_of(tmp_path: Path) -> None:
    """A program that ignores SIGCHLD learns who observes it all the same."""
    program = """
        import os, signal
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        from tracekit import dumps
        observe = dumps.observe
        dumps.observe = lambda *words: print(pid := observe(*words), flush=True) or pid
        BEGIN
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        input()
    """
    with start(tmp_path, program) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline()) in until(lambda: observers(tmp_path))
        child.communicate("\n")


def test_too_many_open_files(tmp_path: Path) -> None:
    """Where no observer can be had, the session goes on without; where it cannot begin, nothing of it stays."""
    program = """
        import os, threading, tracekit
        from tracekit import dumps
        from tracekit.record import recorder
        pipe, before = os.pipe, threading.Thread.__dict__["_set_native_id"]
        def full(*words):
            raise OSError(24, "Too many open files")
        os.pipe = full
        BEGIN
        os.pipe = pipe
        tracekit.stop()
        dumps.observe = full
        try:
            tracekit.start("out.json", observe=True)
        except tracekit.TracekitError as error:
            print("Too many" in str(error))
        print(recorder.current is None, threading.Thread.__dict__["_set_native_id"] is before)
    """
    with start(tmp_path, program) as child:
        assert child.communicate()[0].splitlines() == ["True", "True True"]
    assert (tmp_path / "out.json").exists()
    assert not (tmp_path / DIRECTORY).exists()
