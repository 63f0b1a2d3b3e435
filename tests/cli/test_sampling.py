"""`tracekit run --py-spy`: real samples on the timeline of what the program itself recorded. Runs the real command and py-spy."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import SampleSource, Trace, TrackKind
from tracekit.observe import pyspy

Run = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.skipif(pyspy.executable() is None, reason="py-spy is not installed")

_MS = 1_000_000

# Functions of one name each, in spans of that name, of 5 to 15 ms: in threads, in a child, and in the main thread.
_PROGRAM = """
    import random, subprocess, sys, threading, time
    import tracekit as tk

    def spin(seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    def nap(seconds):
        time.sleep(seconds)

    def work(seed, turns):
        chance = random.Random(seed)
        for _ in range(turns):
            does = chance.choice((spin, nap))
            with tk.span(does.__name__):
                does(chance.uniform(0.005, 0.015))

    if len(sys.argv) == 1:
        child = subprocess.Popen([sys.executable, __file__, "child"])
        thread = threading.Thread(target=work, args=(2, 100), name="worker")
        thread.start()
        work(1, 100)
        thread.join()
        child.wait()
    else:
        work(3, 200)
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Writes a program into the working directory."""

    def write(code: str) -> str:
        (tmp_path / "program.py").write_text(textwrap.dedent(code))
        return "program.py"

    return write


def sampled(trace: Trace, thread: int) -> list[tuple[int, set[str]]]:
    """When py-spy saw a thread, and which functions were on its stack."""
    frames, samples = frames_of(trace), trace.samples
    own = np.flatnonzero((samples.thread == thread) & (samples.source == SampleSource.SAMPLER))
    return [
        (int(samples.time[at]), {frames[row].function for row in rows_of(trace, int(samples.frame[at]))})
        for at in own.tolist()
    ]


def within(trace: Trace, thread: int, name: str, shift: int = 0) -> tuple[int, int]:
    """How many samples of a thread in the function of that name lie in a span of that name, and how many there are."""
    track = next(at for at, row in enumerate(trace.tracks) if (row.kind, row.owner) == (TrackKind.THREAD, thread))
    slices, number = trace.slices, trace.strings.index(name)
    own = (slices.track == track) & (slices.name == number)
    starts, ends = slices.start[own], slices.end[own]
    times = np.array([time + shift for time, functions in sampled(trace, thread) if name in functions], np.int64)
    at = np.searchsorted(starts, times, side="right") - 1
    return int(np.count_nonzero((at >= 0) & (times <= ends[at]))), len(times)


def test_one_clock(tracekit: Run, script: Callable[[str], str], tmp_path: Path) -> None:
    """Of threads and of another process, samples in a function lie in the function's own span; later or earlier fewer would.

    A busy machine takes py-spy off the processor while it reads, so that not all of them do.
    """
    result = tracekit("run", "-q", "--py-spy", "-o", "out.json", script(_PROGRAM))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    trace = load(tmp_path / "out.json")
    assert check(trace) == []
    assert not any("is known to within" in note or "are left out" in note for note in trace.notes)

    assert len({trace.threads[thread].process for thread in set(trace.samples.thread.tolist())}) == 2
    shifts = [shift * _MS for shift in (-5, 0, 5)]
    inside = dict.fromkeys(shifts, 0)
    for thread, row in enumerate(trace.threads):
        found, count = (sum(column) for column in zip(*(within(trace, thread, name) for name in ("spin", "nap"))))
        assert found > count / 2 > 5, row.name
        for shift in shifts:
            inside[shift] += sum(within(trace, thread, name, shift)[0] for name in ("spin", "nap"))
    assert max(inside, key=lambda shift: inside[shift]) == 0, inside


def test_from_the_first_line_on(tracekit: Run, script: Callable[[str], str], tmp_path: Path) -> None:
    """The program does not begin before it is sampled, and nothing of the waiting is in its trace."""
    code = """
        import time
        def first():
            end = time.perf_counter() + 0.5
            while time.perf_counter() < end:
                pass
        first()
    """
    result = tracekit("run", "-q", "--py-spy=200", "-o", "out.json", script(code))
    assert (result.returncode, result.stderr) == (0, "")
    trace = load(tmp_path / "out.json")
    seen = [time for time, functions in sampled(trace, 0) if "first" in functions]

    assert len(seen) > 2
    assert not any("hold" in functions for _, functions in sampled(trace, 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "program.py"]


def test_idle_threads(tracekit: Run, script: Callable[[str], str], tmp_path: Path) -> None:
    """A thread that only waits has as many samples as the others, by its own name and tid."""
    code = """
        import threading, time
        def waits():
            time.sleep(0.6)
        thread = threading.Thread(target=waits, name="idler")
        thread.start()
        thread.join()
    """
    tracekit("run", "-q", "-o", "out.json", "--py-spy", script(code))
    trace = load(tmp_path / "out.json")
    idler = next(at for at, row in enumerate(trace.threads) if row.name == "idler")
    seen = sampled(trace, idler)

    assert len(seen) > 5
    assert len([functions for _, functions in seen if "waits" in functions]) >= len(seen) - 1


def test_without_python(tracekit: Run, tmp_path: Path) -> None:
    """A program that is no Python is not waited for, and has no samples; what comes after --py-spy is never its rate."""
    result = tracekit("run", "-q", "-o", "out.json", "--py-spy", "--", "echo", "hello")
    assert (result.returncode, result.stdout, result.stderr) == (0, "hello\n", "")
    assert len(load(tmp_path / "out.json").samples) == 0


def test_without_py_spy(script: Callable[[str], str], tmp_path: Path) -> None:
    """Where py-spy cannot be run the program runs all the same, and one line says why there are no samples."""
    broken = tmp_path / "bin" / "py-spy"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'Error: it is broken' >&2\nexit 1\n")
    broken.chmod(0o755)
    lead = "import sys, tracekit.observe.pyspy as p; path = sys.argv.pop(1); p.executable = lambda: path; "
    lead += "from tracekit.cli.main import main; main()"
    words = [sys.executable, "-c", lead, str(broken), "run", "-q", "--py-spy", "-o", "out.json", script("print('ran')")]
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert "no samples" in result.stderr
    assert "it is broken" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert any("it is broken" in note for note in load(tmp_path / "out.json").notes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_without_permission(tmp_path: Path) -> None:
    """Where the kernel does not let anybody look one line says so, and who may; the program does not wait any longer."""
    tmp_path.chmod(0o777)
    code = """
        import os, sys
        from waiting import until
        from tracekit.cli.sampling import Sampling
        from tracekit.options import Options
        from tracekit.spool import beside
        os.chdir(sys.argv[1])
        directory, program = ".", int(sys.argv[2])
        os.setgid(65534), os.setuid(65534)
        with open(beside.path_of(directory, os.getpid(), beside.HELD), "w") as file:
            file.write(sys.argv[2])
        sampling = Sampling(directory, Options(sample_rate=100))
        sampling.start(program)
        until(lambda: os.path.exists(beside.path_of(directory, os.getpid(), beside.GO)))
        sampling.stop()
    """
    helpers = str(Path(__file__).parent.parent)
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(os.getpid())],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONPATH": helpers},
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    (line,) = result.stderr.splitlines()
    assert f"py-spy may not look into process {os.getpid()}" in line
    assert "another user" in line


@pytest.mark.parametrize("words", [["--py-spy=5"], ["--py-spy=1001"], ["--py-spy=fast"], ["--native"]])
def test_bad_rates(tracekit: Run, script: Callable[[str], str], tmp_path: Path, words: list[str]) -> None:
    """A rate that is none, or that py-spy cannot keep, is refused before the program begins; so is --native without py-spy."""
    result = tracekit("run", *words, script("print('ran')"))
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "traces").exists()


def test_native(tracekit: Run, script: Callable[[str], str], tmp_path: Path) -> None:
    """With --native the frames of C that a function is in are on its stack, below it."""
    code = """
        import hashlib, time
        def digest():
            end = time.perf_counter() + 0.6
            while time.perf_counter() < end:
                hashlib.sha256(bytes(1 << 20)).hexdigest()
        digest()
    """
    result = tracekit("run", "-q", "--py-spy", "--native", "-o", "out.json", script(code))
    assert (result.returncode, result.stderr) == (0, "")
    trace = load(tmp_path / "out.json")
    frames = frames_of(trace)
    stacks = [[frames[row] for row in rows_of(trace, frame)] for frame in trace.samples.frame.tolist()]
    inner = [stack[0] for stack in stacks if any(frame.function == "digest" for frame in stack)]

    assert any(not frame.file.endswith(".py") for frame in inner)
