"""Observer: a block of an event loop says what it did, and where in the code it was.

Real programs run under the real `tracekit run`. Each block lasts until the test has seen that its stack was read.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from interpreters import NOBODY, python_for_nobody
from observing import Written
from waiting import until

import tracekit
from tracekit import events
from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.clock import monotonic_ns
from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.observe import sampler
from tracekit.observe.live import Live
from tracekit.observe.pyspy import executable
from tracekit.spool import layout
from tracekit.spool.file import SpoolFile
from tracekit.spool.layout import parse_code
from tracekit.spool.limits import Limits
from tracekit.spool.reader import Spool, read_spool

_STACKS = 3  # of each block

# What blocks, and which words its cure has. `on()` is true until the test has seen enough.
BLOCKS = {
    "spins": ("for _ in range(1_000_000): x += 1", "process pool"),
    "backtracks": ('re.match(r"(a+)+$", "a" * 20 + "b")', "regular expression"),
    "sorts": ("sorted(numbers)", "holds the GIL"),
    "sleeps": ("time.sleep(0.2)", "await asyncio.sleep"),
    "hashes": ("hashlib.sha256(data).digest()", "gives up the GIL"),
    "queries": ("database.execute(QUERY).fetchall()", "asynchronous driver"),
    "waits": ("subprocess.run(['sleep', '0.2'])", "create_subprocess_exec"),
}

PROGRAM = """
    import asyncio, hashlib, os, re, sqlite3, subprocess, sys, threading, time

    numbers = [(i * 7919) % 1000003 for i in range(300_000)]
    data = bytes(20_000_000)
    database = sqlite3.connect(":memory:", check_same_thread=False)
    QUERY = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 300000) select count(*) from c"

    {functions}

    def begin(name):
        print(name, flush=True)
        def on():
            return not os.path.exists(name)
        return on

    async def main():
        for block in ({names}):
            await asyncio.create_task(run(block), name=block.__name__)
            await asyncio.sleep(0.001)

    async def run(block):
        block()

    {start}
"""

FUNCTION = """
    def {name}():
        on, x = begin({name!r}), 0
        while on():
            {line}
"""

STARTS = {
    "asyncio": "asyncio.run(main())",
    "uvloop": "import uvloop; uvloop.install(); asyncio.run(main())",
    "thread": "t = threading.Thread(target=lambda: asyncio.run(main()), name='worker'); t.start(); t.join()",
    "callback": """
    async def calls():
        done = asyncio.Event()
        def callback():
            sleeps()
            done.set()
        asyncio.get_running_loop().call_soon(callback)
        await done.wait()
    asyncio.run(calls())
    """,
}


def program(names: tuple[str, ...], start: str) -> str:
    """A program that blocks its loop in the ways that are named, one after the other."""
    functions = "".join(FUNCTION.format(name=name, line=BLOCKS[name][0]) for name in names)
    return textwrap.dedent(PROGRAM).format(
        functions=textwrap.dedent(functions), names="".join(f"{name}, " for name in names), start=textwrap.dedent(start)
    )


def observers(directory: Path) -> Iterator[Spool]:
    """The spools of observers in a session."""
    for path in directory.glob("*.spool"):
        try:
            spool = read_spool(path)
        except TracekitError:  # it is being made
            continue
        if spool.header.observer:
            yield spool


def stacks_in(directory: Path, function: str) -> int:
    """How many of the stacks that were read so far are in a function."""
    count = 0
    for spool in observers(directory):
        codes = {number for number, text in spool.names.items() if parse_code(text)[0] == function}
        for thread in spool.threads:
            frames = (thread.kind == events.FRAME) & [int(payload) in codes for payload in thread.time]
            count += int(frames.sum())
    return count


def sampled_since(directory: Path, since: int) -> int:
    """How much of the time since then (CLOCK_MONOTONIC, ns) lies between samples so far."""
    times = [
        int(time)
        for spool in observers(directory)
        for thread in spool.threads
        for time in thread.time[thread.kind == events.SAMPLE]
        if time >= since
    ]
    return max(times) - min(times) if times else 0


def watch(child: subprocess.Popen[str], folder: Path, directory: Path) -> None:
    """Has each block of a program go on until its stack was read, and most of it lies between samples."""
    assert child.stdout is not None
    for line in child.stdout:
        name, began = line.strip(), monotonic_ns()

        def is_seen(name: str = name, began: int = began) -> bool:
            sampled = sampled_since(directory, began)
            return stacks_in(directory, name) >= _STACKS and sampled * 2 > monotonic_ns() - began

        until(lambda is_seen=is_seen: is_seen() or child.poll() is not None)
        (folder / name).touch()
    assert child.wait() == 0


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Trace]:
    """Runs a program under `tracekit run`, and returns its trace."""

    def run(code: str, *options: str) -> Trace:
        (tmp_path / "program.py").write_text(code)
        command = [
            sys.executable,
            "-m",
            "tracekit",
            "run",
            "-q",
            "--keep-session",
            *options,
            "-o",
            "out.json",
            "program.py",
        ]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
            watch(child, tmp_path, tmp_path / "out.tracekit")
        trace = load(tmp_path / "out.json")
        assert check(trace) == []
        return trace

    return run


def blocked_in(trace: Trace) -> dict[str, Finding]:
    """The blocks of a trace by the function that is to blame."""
    return {finding.function: finding for finding in analyze(trace) if finding.slug == "loop-blocked"}


@pytest.mark.parametrize("start", ["asyncio", "uvloop"])
def test_every_kind_of_block(run: Callable[..., Trace], tmp_path: Path, start: str) -> None:
    """Whether a block computes or waits, in Python or in C, with the GIL or without: its function, stack and cure are told."""
    if start == "uvloop":
        pytest.importorskip("uvloop")
    trace = run(program(tuple(BLOCKS), STARTS[start]))
    found = {finding.details["task"]: finding for finding in analyze(trace) if finding.slug == "loop-blocked"}

    assert found.keys() >= BLOCKS.keys()
    for name, (_, words) in BLOCKS.items():
        finding = found[name]
        stack = finding.details["stack"]
        functions = [frame["function"] for frame in stack]
        assert functions[functions.index(name) :] == [name, "run"], name
        assert found[name].function.rpartition(".")[2] in (name, "on")  # what asks whether it is enough takes time, too
        assert finding.file == str(tmp_path / "program.py")
        assert finding.details["task"] == name
        assert finding.details["samples"] >= _STACKS
        if finding.function == name and finding.details["verdict"] not in (
            "preempted",
            "gil",
        ):  # else the machine is busy
            assert words in finding.advice, name
    assert found["sleeps"].details["verdict"] == "syscall"
    assert found["waits"].details["verdict"] == "syscall"
    assert found["spins"].details["verdict"] in ("cpu", "preempted", "mixed")


def test_a_loop_in_another_thread(run: Callable[..., Trace]) -> None:
    """A loop is observed in whatever thread it runs."""
    trace = run(program(("spins",), STARTS["thread"]))

    assert blocked_in(trace)["spins"].track == "worker"


def test_a_callback(run: Callable[..., Trace]) -> None:
    """A callback that blocks is told like a step."""
    finding = blocked_in(run(program(("sleeps",), STARTS["callback"])))["sleeps"]

    assert finding.details["task"] is None
    assert [frame["function"].rpartition(".")[2] for frame in finding.details["stack"]] == ["sleeps", "callback"]


def test_switched_off(tmp_path: Path) -> None:
    """At a rate of 0 nobody looks: the block is found, its cause is unknown."""
    code = "import asyncio, time\nasync def main(): time.sleep(0.1)\nasyncio.run(main())\n"
    (tmp_path / "program.py").write_text(code)
    command = [
        sys.executable,
        "-m",
        "tracekit",
        "run",
        "-q",
        "--keep-session",
        "--rate",
        "0",
        "-o",
        "out.json",
        "program.py",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    (finding,) = analyze(load(tmp_path / "out.json"))

    assert list(observers(tmp_path / "out.tracekit")) == []
    assert (finding.details["verdict"], finding.details["stack"]) == ("unknown", [])


def test_no_block(tmp_path: Path) -> None:
    """A program that never blocks leaves nothing to be written down."""
    code = "import asyncio\nasync def main():\n    for _ in range(200): await asyncio.sleep(0)\nasyncio.run(main())\n"
    (tmp_path / "program.py").write_text(code)
    command = [sys.executable, "-m", "tracekit", "run", "-q", "--keep-session", "-o", "out.json", "program.py"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)

    trace = load(tmp_path / "out.json")
    assert len(trace.processes) == 1
    assert not [
        thread.kind
        for spool in observers(tmp_path / "out.tracekit")
        for thread in spool.threads
        if (thread.kind == events.STACK).any()
    ]


IN_THE_PROGRAM = """
    import asyncio, os, tracekit

    def spins():
        print("spins", flush=True)
        while not os.path.exists("spins"):
            for _ in range(1_000_000):
                pass

    async def main():
        spins()

    with tracekit.session("out.json", observer=True, keep_session=True):
        asyncio.run(main())
"""


def test_a_session_of_the_programs_own(tmp_path: Path) -> None:
    """A session that a program starts is observed on request, by a process that is not its child and ends with it."""
    (tmp_path / "program.py").write_text(textwrap.dedent(IN_THE_PROGRAM))
    directory = tmp_path / "out.tracekit"
    with subprocess.Popen([sys.executable, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
        watch(child, tmp_path, directory)
    trace = load(tmp_path / "out.json")

    assert check(trace) == []
    assert blocked_in(trace).keys() == {"spins"}
    (spool,) = observers(directory)
    until(lambda: not os.path.exists(f"/proc/{spool.header.pid}"))
    assert len(trace.processes) == 1


_AS_NOBODY = """
    import os, subprocess, sys, sysconfig, time
    from tracekit import clock
    from tracekit.observe.live import Live
    from tracekit.observe.sampler import Observer
    from tracekit.options import Options, environment
    folder, python, package, directory = sys.argv[1:]
    sysconfig.get_paths()  # looked up as long as this Python's own files may be read
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
    os.chdir(folder)
    os.mkdir(directory, 0o700)
    env = dict(os.environ, PYTHONPATH=package + "/tracekit/bootstrap", TRACEKIT_SESSION=directory, TRACEKIT_OPTIONS="")
    child = subprocess.Popen([python, "program.py"], env=env)
    live = Live(directory)
    observer = Observer(directory, live, 50_000_000, Options().limits())
    while child.poll() is None:
        observer.look(clock.monotonic_ns())
        time.sleep(0.005)
    observer.close()
    sys.exit(child.returncode)
"""


@pytest.fixture
def for_nobody() -> Iterator[tuple[Path, str]]:
    """A folder of nobody's, with a copy of the package in it, and a Python that nobody may run."""
    python = python_for_nobody()
    spy = executable()
    if python is None or spy is None or not _may_run(spy):
        pytest.skip("not root (these tests run as an ordinary user anyhow), or nothing that other users may run")
    folder = Path(tempfile.mkdtemp(prefix="tracekit-nobody-"))
    try:
        shutil.copytree(
            Path(tracekit.__file__).parent, folder / "tracekit", ignore=shutil.ignore_patterns("__pycache__")
        )
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
        os.chown(folder, NOBODY, NOBODY)
        yield folder, python
    finally:
        shutil.rmtree(folder)


def _may_run(command: str) -> bool:
    rights: Any = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        return (
            subprocess.run([command, "--version"], capture_output=True, check=False, cwd="/", **rights).returncode == 0
        )
    except OSError:
        return False


def test_as_another_user(for_nobody: tuple[Path, str]) -> None:
    """Without any rights, what the user's own program blocks on is seen all the same."""
    folder, python = for_nobody
    (folder / "program.py").write_text(program(("spins",), STARTS["asyncio"]))
    code = textwrap.dedent(_AS_NOBODY).replace("{nobody}", str(NOBODY))
    directory = folder / "s.tracekit"
    command = [sys.executable, "-c", code, str(folder), python, str(folder), str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        watch(child, folder, directory)

    finding = blocked_in(load(directory))["spins"]
    assert finding.details["stack"]
    assert finding.details["verdict"] in ("cpu", "preempted", "mixed")


THREADS = """
    import os, subprocess, sys, threading, time

    def compute():
        while not os.path.exists("enough"):
            pass

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    if len(sys.argv) == 1:
        subprocess.run([sys.executable, __file__, "child"])
    for thread in threads:
        thread.join()
"""


def test_a_program_without_a_loop(tmp_path: Path) -> None:
    """Every thread of every process is sampled, whether there is an event loop or not; so is what the processes weigh."""
    (tmp_path / "program.py").write_text(textwrap.dedent(THREADS))
    command = [sys.executable, "-m", "tracekit", "run", "-q", "--keep-session", "-o", "out.json", "program.py"]
    written = Written(tmp_path / "out.tracekit")

    def enough() -> bool:
        if not any(observers(written.folder)):
            return False
        waited = {
            (sample.details[events.PID], sample.tid) for sample in written.samples() if sample.state == events.STATE_GIL
        }
        weighed = {weight.tid for weight in written.of_kind(events.WEIGHT)}
        return len(waited) >= 4 and len({pid for pid, _ in waited}) == len(weighed) == 2

    with subprocess.Popen(command, cwd=tmp_path) as child:
        try:
            until(enough)
        finally:
            (tmp_path / "enough").touch()
        assert child.wait() == 0

    (spool,) = observers(written.folder)
    assert spool.header.ended == layout.ENDED_NORMALLY
    assert written.notes() == []
    sampled = {(sample.details[events.PID], sample.tid) for sample in written.samples()}
    assert len({pid for pid, _ in sampled}) == 2
    assert len(sampled) == 6


def test_no_room(tmp_path: Path) -> None:
    """When the observer's file has become as large as it may, nobody looks any more, and no file stays open."""
    spool = SpoolFile(str(tmp_path))
    live = Live(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    observer = sampler.Observer(str(tmp_path), live, 50_000_000, Limits(max_bytes=40_000))

    def is_full() -> bool:
        observer.look(monotonic_ns())
        return any(found.header.ended == layout.ENDED_MAX_SIZE for found in observers(tmp_path))

    until(is_full)
    live.close()
    assert len(os.listdir("/proc/self/fd")) == before
    observer.close()
    spool.finish(1)
