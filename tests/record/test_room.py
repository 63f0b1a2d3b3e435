"""No room: full disks, quotas, limits, caps. The program goes on; stderr and the trace say what is missing.

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

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.options import Options, environment
from tracekit.spool import layout
from tracekit.spool.core import VARIABLE
from tracekit.spool.core import core as own_core

CORES = ["py"] if own_core.fast is None else ["c", "py"]
FLIGHTS = [pytest.param({"flight_bytes": 64_000_000}, id="size"), pytest.param({"flight_ns": 10**10}, id="time")]

# Records much, over many names and threads, and computes something by it.
PROGRAM = """
    import hashlib, sys, threading
    import tracekit as tk

    def work(which):
        digest = hashlib.sha256()
        for number in range(6000):
            with tk.span("span", number=number):
                tk.instant(f"{which} {number} " + "x" * 50)
                digest.update(b"%d" % number)
        digests.append(digest.hexdigest())

    digests = []
    threads = [threading.Thread(target=work, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*digests, "done")
    sys.exit(3)
"""

# A file system without a way to reserve room: it is written.
CANNOT_RESERVE = """
    import errno, os
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "")
    os.posix_fallocate = refuse
"""

FULL = "the disk or a quota was full, or a limit on"


def _run(
    directory: Path | None, cwd: Path, before: str = "", program: str = PROGRAM, **options: Any
) -> subprocess.CompletedProcess[str]:
    base = dict(os.environ)
    env = base if directory is None else environment(str(directory), Options(**options), base)
    code = textwrap.dedent(before) + textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def _sound(directory: Path) -> Trace:
    trace = load(str(directory))
    assert check(trace) == []
    return trace


def _says_where_it_ends(directory: Path) -> Trace:
    """The trace of a recording that stopped early: that is noted, and nothing else is wrong with its file."""
    trace = _sound(directory)
    assert any(FULL in note for note in trace.notes)
    assert any("records that found no room" in note for note in trace.notes)
    assert not any("cut off" in note or "damaged" in note for note in trace.notes)
    assert len(trace.instants) > 1000
    (spool,) = directory.glob("*.spool")
    # What was reserved in vain is given back, and there is no hole that the disk has no room for.
    assert (spool.stat().st_size - layout.HEADER_BYTES) % layout.BLOCK_BYTES == 0
    assert spool.stat().st_blocks * 512 >= spool.stat().st_size
    return trace


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The core of the programs that are run."""
    monkeypatch.setenv(VARIABLE, request.param)
    return str(request.param)


@pytest.fixture
def directory(tmp_path: Path, core: str) -> Path:  # noqa: ARG001
    """The directory of a session, where there is room."""
    directory = tmp_path / "s.tracekit"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def plain(tmp_path: Path) -> str:
    """What the program prints without us."""
    result = _run(None, tmp_path)
    assert (result.returncode, result.stderr) == (3, "")
    return result.stdout


def _mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    try:
        status = (
            os.getuid()
            or subprocess.run(["mount", *options, str(folder)], capture_output=True, timeout=30, check=False).returncode
        )
    except OSError:
        status = 1
    if status:
        pytest.skip("only root may mount a small file system, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], timeout=30, check=True)


def _small_image(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1_000_000)
    try:
        made = subprocess.run(
            ["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(path)],
            capture_output=True,
            timeout=60,
            check=False,
        )
        status = made.returncode
    except OSError:
        status = 1
    if status:
        pytest.skip("there is no mkfs.ext4")
    return path


@pytest.fixture(params=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path, core: str) -> Iterator[Path]:  # noqa: ARG001
    """A session's directory on a file system of less than a megabyte."""
    if request.param == "tmpfs":
        options = ["-t", "tmpfs", "-o", "size=800k,mode=0755", "tmpfs"]
    else:
        options = ["-o", "loop", str(_small_image(tmp_path / "image"))]
    for folder in _mounted(tmp_path / "disk", *options):
        directory = folder / "s.tracekit"
        directory.mkdir(mode=0o700)
        yield directory


@pytest.mark.parametrize("before", ["", CANNOT_RESERVE], ids=["reserved", "written"])
def test_full_disk(small_disk: Path, tmp_path: Path, plain: str, before: str) -> None:
    """On a full disk recording stops with one line; nothing is killed by a store into a page that has no room."""
    result = _run(small_disk, tmp_path, before)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("tracekit: process ")
    assert "cannot grow: No space left on device; the program goes on, the trace ends here" in line
    _says_where_it_ends(small_disk)


@pytest.mark.parametrize("options", FLIGHTS)
def test_flight_recorder_on_a_full_disk(small_disk: Path, tmp_path: Path, plain: str, options: dict[str, int]) -> None:
    """On a full disk a flight recorder goes on in the room that it has, and says that it keeps less than was asked for."""
    result = _run(small_disk, tmp_path, **options)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "the last part that is kept is shorter than was asked for" in line
    assert "cannot grow: No space left on device" in line
    trace = _sound(small_disk)
    assert any("shorter than was asked for" in note and "No space left" in note for note in trace.notes)
    assert any(note.startswith("this is the last ") for note in trace.notes)
    names = [trace.strings[name] for name in trace.instants.name]
    assert len(names) > 1000
    assert any(name.split()[1] == "5999" for name in names)


def test_disk_that_is_full_already(small_disk: Path, tmp_path: Path, plain: str) -> None:
    """Where there is no room at all a program is not traced, says so in one line, and leaves no half-made file."""
    with (small_disk.parent / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass

    result = _run(small_disk, tmp_path)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "is not traced (OSError" in line
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
@pytest.mark.parametrize("reserve", ["", CANNOT_RESERVE], ids=["reserved", "written"])
def test_file_size_limit(directory: Path, tmp_path: Path, plain: str, reserve: str, handler: str) -> None:
    """A program that limits the size of its files stays within the limit, and the signal for it kills it not."""
    before = f"""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.{handler})
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_001, 500_001))
    """

    result = _run(directory, tmp_path, textwrap.dedent(reserve) + textwrap.dedent(before))

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "cannot grow: File too large; the program goes on" in line
    _says_where_it_ends(directory)
    (spool,) = directory.glob("*.spool")
    assert spool.stat().st_size <= 500_001


@pytest.mark.parametrize("options", FLIGHTS)
def test_flight_recorder_with_a_file_size_limit(
    directory: Path, tmp_path: Path, plain: str, options: dict[str, int]
) -> None:
    """A flight recorder stays within the limit as well, and has what came last."""
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_001, 500_001))\n"

    result = _run(directory, tmp_path, before, **options)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "shorter than was asked for" in line
    assert "cannot grow: File too large" in line
    trace = _sound(directory)
    assert any(trace.strings[name].split()[1] == "5999" for name in trace.instants.name)


def test_file_size_limit_from_outside(directory: Path, tmp_path: Path, plain: str) -> None:
    """Under a limit that leaves no room for a beginning a program is not traced, and says so in one line."""
    command = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", sys.executable, "-c", textwrap.dedent(PROGRAM)]
    env = environment(str(directory), Options(), os.environ)

    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "is not traced (OSError" in line
    assert "File too large" in line
    assert list(directory.iterdir()) == []


def test_quota(directory: Path, tmp_path: Path, plain: str) -> None:
    """A quota, which few machines let a test set, is told from a full disk."""
    before = """
        import errno, os
        reserve = os.posix_fallocate
        def within_quota(fd, offset, length):
            if offset + length > 500_000:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            reserve(fd, offset, length)
        os.posix_fallocate = within_quota
    """

    result = _run(directory, tmp_path, before)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert "cannot grow: Disk quota exceeded; the program goes on" in line
    _says_where_it_ends(directory)


# Threads' stacks are there before the limit is; what the program itself needs then comes out of what it has.
NO_MEMORY = """
    import gc, mmap, resource, sys
    import tracekit as tk

    gc.disable()  # recorded as well, one in the middle of growing would have the room that is not used
    tk.instant("before")
    size = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (size + 900_000, resource.RLIM_INFINITY))
    total = 0
    for number in range(60_000):
        with tk.span("span", number=number):
            total += number
    print(total)
    sys.exit(3)
"""


def test_no_memory_for_the_mapping(directory: Path, tmp_path: Path) -> None:
    """Where a file can grow but not be mapped recording stops with one line, and the room goes back to the disk."""
    result = _run(directory, tmp_path, program=NO_MEMORY)

    assert (result.returncode, result.stdout) == (3, f"{sum(range(60_000))}\n")
    (line,) = result.stderr.splitlines()
    assert "cannot grow: Cannot allocate memory; the program goes on" in line
    trace = _sound(directory)
    assert any(FULL in note for note in trace.notes)
    assert not any("cut off" in note or "damaged" in note for note in trace.notes)
    (spool,) = directory.glob("*.spool")
    blocks = spool.read_bytes()[layout.HEADER_BYTES :: layout.BLOCK_BYTES]
    assert all(blocks)  # the first byte of a block that was handed out is not 0


def test_flight_recorder_without_memory(directory: Path, tmp_path: Path) -> None:
    """A flight recorder goes on in what is mapped."""
    result = _run(directory, tmp_path, program=NO_MEMORY, flight_bytes=64_000_000)

    assert (result.returncode, result.stdout) == (3, f"{sum(range(60_000))}\n")
    (line,) = result.stderr.splitlines()
    assert "shorter than was asked for" in line
    assert "cannot grow: Cannot allocate memory" in line
    trace = _sound(directory)
    assert any(trace.args[args] == {"number": 59_999} for args in trace.slices.args if args >= 0)


# Opens no file itself while it may not. A thread that begins meanwhile goes on when that is over.
NO_DESCRIPTOR = """
    import glob, os, resource, sys, threading
    import tracekit as tk

    def work():
        tk.instant("lost")
        begun.set()
        over.wait()
        while os.path.getsize(spool) == size:
            tk.instant("waiting")
        for number in range(3000):
            tk.instant("worker")

    (spool,) = glob.glob(os.environ["TRACEKIT_SESSION"] + "/*.spool")
    size = os.path.getsize(spool)
    begun, over = threading.Event(), threading.Event()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    for number in range(100_000):
        tk.instant("before")
    threading.Thread(target=work, name="worker").start()
    begun.wait()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    over.set()
    while os.path.getsize(spool) == size:
        tk.instant("waiting")
    for number in range(3000):
        tk.instant("main")
    sys.exit(3)
"""


def test_no_descriptor_for_a_while(directory: Path, tmp_path: Path) -> None:
    """Where a program has no descriptor left for a while, what it does then is missing, and told; what comes later is there."""
    result = _run(directory, tmp_path, program=NO_DESCRIPTOR)

    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert "cannot grow: Too many open files; until that is over its records are missing" in line
    trace = _sound(directory)
    assert any("in between" in note and "Too many open files" in note for note in trace.notes)
    (count,) = [note.rpartition(" ")[2] for note in trace.notes if "records that found no room" in note]
    names = [trace.strings[name] for name in trace.instants.name]
    assert 100_000 - names.count("before") <= int(count)
    assert "lost" not in names
    assert min(names.count("main"), names.count("worker")) > 1900
    assert {thread.name for thread in trace.threads} == {"MainThread", "worker"}
    assert not any(FULL in note for note in trace.notes)


@pytest.mark.parametrize("options", FLIGHTS)
def test_flight_recorder_without_a_descriptor(directory: Path, tmp_path: Path, options: dict[str, int]) -> None:
    """A flight recorder goes on meanwhile in the room that it has."""
    program = """
        import resource, sys
        import tracekit as tk
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        for number in range(100_000):
            tk.instant("tick", number=number)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        sys.exit(3)
    """

    result = _run(directory, tmp_path, program=program, **options)

    assert result.returncode == 3
    (line,) = result.stderr.splitlines()
    assert "shorter than was asked for" in line
    assert "cannot grow: Too many open files" in line
    trace = _sound(directory)
    assert any(trace.args[args] == {"number": 99_999} for args in trace.instants.args if args >= 0)
    assert not any("found no room and are missing" in note for note in trace.notes)


@pytest.mark.parametrize("size", [1, 300_000, 1_000_000])
def test_max_size(directory: Path, tmp_path: Path, plain: str, size: int) -> None:
    """Past the cap, however small, there is one line, and the trace says what is missing."""
    result = _run(directory, tmp_path, max_size=size)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert f"it has reached its largest size ({size} bytes)" in line
    trace = _sound(directory)
    assert any("--max-size" in note for note in trace.notes)


def test_read_only_directory(tmp_path: Path, core: str, plain: str) -> None:  # noqa: ARG001
    """Where nothing can be written a program is not traced, and says so in one line."""
    for folder in _mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=800k", "tmpfs"):
        directory = folder / "s.tracekit"
        directory.mkdir(mode=0o700)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], timeout=30, check=True)

        result = _run(directory, tmp_path)

        assert (result.returncode, result.stdout) == (3, plain), result.stderr
        (line,) = result.stderr.splitlines()
        assert "is not traced (OSError" in line
        assert "Read-only file system" in line
        assert list(directory.iterdir()) == []


def test_no_room_for_a_fork(tmp_path: Path, core: str) -> None:  # noqa: ARG001
    """A child that finds no room for a recording of its own says so in one line, and goes on; so does its parent."""
    program = """
        import os, sys
        import tracekit as tk
        pid = os.fork()
        for number in range(1000):
            tk.instant("both", number=number)
        if not pid:
            os._exit(5)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        sys.exit(3)
    """
    for folder in _mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m,nr_inodes=3", "tmpfs"):
        directory = folder / "s.tracekit"
        directory.mkdir(mode=0o700)

        result = _run(directory, tmp_path, program=program)

        assert (result.returncode, result.stdout) == (3, "5\n")
        (line,) = result.stderr.splitlines()
        assert "is not recorded: [Errno 28] No space left on device" in line
        trace = _sound(directory)
        assert len(trace.instants) == 1000
        assert any("forks of which no recording was found: 1" in note for note in trace.notes)


@pytest.mark.parametrize("options", [pytest.param({}, id="whole"), *FLIGHTS])
def test_directory_that_goes(directory: Path, tmp_path: Path, plain: str, options: dict[str, int]) -> None:
    """A program whose session is removed while it runs goes on as without us; nobody is left who waits for its trace."""
    before = f"""
        import shutil
        import tracekit as tk
        tk.instant("before")
        shutil.rmtree({str(directory)!r})
    """

    result = _run(directory, tmp_path, before, **options)

    assert (result.returncode, result.stdout, result.stderr) == (3, plain, "")
    assert not directory.exists()


@pytest.mark.parametrize("flight", [[], ["--flight", "1MB"]], ids=["whole", "flight"])
def test_session_that_goes_under_run(tmp_path: Path, core: str, plain: str, flight: list[str]) -> None:  # noqa: ARG001
    """`tracekit run` says in one line that the session is gone, and not that it was kept; the program's exit code stands."""
    script = tmp_path / "program.py"
    # Again, where the observer has just put a file there.
    begin = 'import os, shutil\nwhile os.path.exists(os.environ["TRACEKIT_SESSION"]): '
    begin += 'shutil.rmtree(os.environ["TRACEKIT_SESSION"], ignore_errors=True)\n'
    script.write_text(begin + textwrap.dedent(PROGRAM))
    command = [sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", *flight, str(script)]

    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert (result.returncode, result.stdout) == (3, plain), result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("tracekit: ")
    assert line.endswith("its session is gone")
    assert not (tmp_path / "out.json").exists()


def test_names_run_out_first(directory: Path) -> None:
    """Also where only a name finds no room it is told; what happened stands there with its text."""
    env = environment(str(directory), Options(max_size=1), os.environ)
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


def test_a_hole_on_a_full_disk_is_read(tmp_path: Path) -> None:
    """A recording with a hole in it, left where no room was to be had, is read although the disk is full: nobody is killed."""
    for folder in _mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        directory = folder / "s.tracekit"
        directory.mkdir(mode=0o700)
        _run(directory, tmp_path, program="import tracekit as tk; tk.instant('here')")
        (spool,) = directory.glob("*.spool")
        os.truncate(spool, spool.stat().st_size + 4 * layout.BLOCK_BYTES)
        _fill(folder)

        read = "import sys; from tracekit.load import load; print(len(load(sys.argv[1]).instants))"
        result = subprocess.run(
            [sys.executable, "-c", read, str(directory)], capture_output=True, text=True, timeout=60, check=False
        )

        assert (result.returncode, result.stdout) == (0, "1\n")


def _fill(folder: Path) -> None:
    """Leaves no room on the file system of a folder."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
