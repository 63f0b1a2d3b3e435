"""No room: a full disk, a limit on file sizes, a cap. The program goes on; stderr and the trace say what is missing.

Knows sessions from outside, and nothing of how a spool grows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

# Records much, over many names and threads, and computes something by it.
PROGRAM = """
    import hashlib, threading
    import tracekit as tk

    def work(which):
        digest = hashlib.sha256()
        for number in range(6000):
            with tk.span("span", number=number):
                tk.instant(f"{which} {number}" + "x" * 50)
                digest.update(b"%d" % number)
        digests.append(digest.hexdigest())

    digests = []
    threads = [threading.Thread(target=work, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*digests, "done")
"""


def _run(directory: Path | None, cwd: Path, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    base = dict(os.environ)
    env = base if directory is None else sessions.environment(str(directory), sessions.Options(**options), base)
    code = textwrap.dedent(before) + textwrap.dedent(PROGRAM)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def _sound(directory: Path) -> Trace:
    trace = load(str(directory))
    assert check(trace) == []
    return trace


@pytest.fixture
def plain(tmp_path: Path) -> str:
    """What the program prints without us."""
    result = _run(None, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of less than a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=800k,mode=0755", "tmpfs", str(folder)]
    try:
        mounted = (
            os.getuid() == 0 and subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
        )
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small file system, and not everywhere")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], timeout=30, check=True)


def test_full_disk(small_disk: Path, tmp_path: Path, plain: str) -> None:
    """On a full disk recording stops with one line; nothing is killed by a store into a page that has no room."""
    directory = small_disk / "s.tracekit"
    directory.mkdir(mode=0o700)

    result = _run(directory, tmp_path)

    assert (result.returncode, result.stdout) == (0, plain)
    (line,) = result.stderr.splitlines()
    assert line.startswith("tracekit: process ")
    assert "cannot grow: No space left on device; the program goes on, the trace ends here" in line
    trace = _sound(directory)
    assert len(trace.instants) > 1000
    assert any("the disk, a quota or a file size limit was full" in note for note in trace.notes)


def test_disk_that_is_full_already(small_disk: Path, tmp_path: Path, plain: str) -> None:
    """Where there is no room at all a program is not traced, says so in one line, and leaves no half-made file."""
    directory = small_disk / "s.tracekit"
    directory.mkdir(mode=0o700)
    with (small_disk / "filler").open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize)

    result = _run(directory, tmp_path)

    assert (result.returncode, result.stdout) == (0, plain)
    (line,) = result.stderr.splitlines()
    assert "is not traced (OSError" in line
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
def test_file_size_limit(tmp_path: Path, plain: str, handler: str) -> None:
    """A program that limits the size of its files stays within the limit, and the signal for it kills it not."""
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    before = f"""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.{handler})
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    """

    result = _run(directory, tmp_path, before)

    assert (result.returncode, result.stdout) == (0, plain)
    (line,) = result.stderr.splitlines()
    assert "cannot grow: File too large; the program goes on" in line
    trace = _sound(directory)
    assert trace.notes
    (spool,) = directory.glob("*.spool")
    assert spool.stat().st_size <= 500_000


@pytest.mark.parametrize("size", [1, 300_000, 1_000_000])
def test_max_size(tmp_path: Path, plain: str, size: int) -> None:
    """Past the cap, however small, there is one line, and the trace says what is missing."""
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)

    result = _run(directory, tmp_path, max_size=size)

    assert (result.returncode, result.stdout) == (0, plain)
    (line,) = result.stderr.splitlines()
    assert f"it has reached its largest size ({size} bytes)" in line
    trace = _sound(directory)
    assert any("--max-size" in note for note in trace.notes)


def test_names_run_out_first(tmp_path: Path) -> None:
    """Also where only a name finds no room it is told; what happened stands there with its text."""
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    env = sessions.environment(str(directory), sessions.Options(max_size=1), os.environ)
    code = "import tracekit as tk\nfor number in range(18): tk.instant(f'{number // 2}' + 'x' * 4000)\nprint('done')"

    result = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout == "done\n"
    (line,) = result.stderr.splitlines()
    assert "stops recording" in line
    trace = _sound(directory)
    assert any("--max-size" in note for note in trace.notes)
    assert len(trace.instants) == 18
    assert all(trace.strings[name][1:] == "x" * (len(trace.strings[name]) - 1) for name in trace.instants.name)


def test_stderr_that_records(run_python: Callable[..., Any]) -> None:
    """A program whose stderr records what is written to it, also what we have to say, is not caught in a circle."""
    ran = run_python(
        """
        import os, resource, sys
        import tracekit as tk

        class Recording:
            def write(self, text):
                tk.instant(text + os.urandom(8).hex())
                sys.__stdout__.write("heard\\n" if "stops recording" in text else text)
            def flush(self):
                tk.instant("flush" + os.urandom(8).hex())

        sys.stderr = Recording()
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
        for number in range(30_000):
            tk.instant(f"tick {number}")
        """
    )

    assert (ran.status, ran.stdout, ran.stderr) == (0, "heard\n", "")


def test_children_of_a_session_that_is_gone(run_python: Callable[..., Any]) -> None:
    """A program that goes on after its session is over, and its forks, run as without us and hear nothing of it."""
    ran = run_python(
        """
        import os, shutil
        import tracekit as tk
        shutil.rmtree(os.environ["TRACEKIT_SESSION"])
        pid = os.fork()
        for number in range(30_000):
            tk.instant("both")
        if pid:
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )

    assert (ran.status, ran.stdout, ran.stderr) == (0, "0\n", "")
