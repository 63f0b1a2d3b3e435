"""`tracekit compare`, as it is typed. Judges no time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import until

Run = Callable[..., "subprocess.CompletedProcess[str]"]

WORKLOAD = """
print("a module may print, too")
from tracekit.workload import compute, poll, sleep, task

def square(number):
    print("a workload may print")
    return number * number

def workload(scale):
    '''Two squares.'''
    return [*(task(f"square {n}", sleep(0.01), compute(square), given=n) for n in (2, 3)), poll(0.005)]
"""

LASTING = """
import os
from collections.abc import Callable
from pathlib import Path
from tracekit.workload import compute, task

def stay(number):
    Path(f"pid-{number}").write_text(str(os.getpid()))
    while True:
        pass

def workload(scale):
    return [task(f"stay {n}", compute(stay), given=n) for n in (1, 2)]
"""


@pytest.fixture(autouse=True)
def jobs(tmp_path: Path) -> None:
    """A workload in the directory in which the command is typed."""
    (tmp_path / "jobs.py").write_text(WORKLOAD)


def test_for_people(tracekit: Run, tmp_path: Path) -> None:
    """A table and sentences on stdout, nothing on stderr; the timeline and the picture are written."""
    outputs = ("-o", "out/lanes.svg", "-o", "out/all.json.gz")
    ended = tracekit("compare", "jobs.py", "--models", "sequential,asyncio", "--repeat", "2", *outputs)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Two squares." in ended.stdout
    assert "is the fastest:" in ended.stdout
    assert "may print" not in ended.stdout
    assert "All models under each other: tracekit open out/all.json.gz" in ended.stdout
    assert (tmp_path / "out/lanes.svg").read_text().startswith("<svg")
    assert tracekit("check", "out/all.json.gz").returncode == 0


def test_for_programs(tracekit: Run) -> None:
    """One JSON object on stdout, predictions in it, and nothing else."""
    words = (
        "--models",
        "threads,sequential",
        "--repeat",
        "1",
        "--no-controls",
        "--check-advice",
        "--trace-model",
        "threads",
    )
    ended = tracekit("compare", "jobs.py", *words, "--json")
    assert ended.stderr == ""
    told = json.loads(ended.stdout)
    assert [model["model"] for model in told["models"]] == ["sequential", "threads"]
    assert told["traced_model"] == "threads"
    assert all(model["predicted_s"] > 0 for model in told["models"])
    assert told["results_alike"] is True


def test_list(tracekit: Run) -> None:
    """Workloads and models by name, with what they are or why they are not to be had."""
    ended = tracekit("compare", "--list")
    assert ended.returncode == 0
    for name in ("article", "sleeping", "computing", "asyncio+processes"):
        assert name in ended.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "nothing to compare"),
        (("nowhere",), "no workload is called 'nowhere'"),
        (("nowhere.py",), "there is no file nowhere.py"),
        (("jobs.py:other",), "has no function other"),
        (("jobs.py", "--models", "fibres"), "no model is called 'fibres'"),
        (("jobs.py", "--models", " ,"), "--models ' ,' names none"),
        (("jobs.py", "--check-advice", "--trace-model", "fibres"), "no model is called 'fibres'"),
        (("jobs.py", "--scale", "-1"), "a scale of -1 makes no workload"),
        (("jobs.py", "--repeat", "0"), "0 rounds measure nothing"),
        (("jobs.py", "--trace-model", "threads"), "add --check-advice"),
        (("jobs.py", "-o", "out.txt"), "its name must end in"),
        (("jobs.py", "-o", "jobs.py/out.svg"), "cannot be made"),
        (("jobs.py", "--timeout", "soon"), "'soon' is no duration"),
    ],
)
def test_what_cannot_be_compared(tracekit: Run, words: tuple[str, ...], complaint: str) -> None:
    """One line on stderr, exit code 2, and nothing was run for it."""
    ended = tracekit("compare", *words)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert complaint in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_that_exits(tracekit: Run, tmp_path: Path) -> None:
    """A script that ends the program when it is imported is no workload, and does not end ours in silence."""
    (tmp_path / "script.py").write_text("raise SystemExit(0)\n")
    ended = tracekit("compare", "script.py")
    assert ended.returncode == 2
    assert "ends the program when it is imported" in ended.stderr


def test_ended_while_a_file_is_imported(tmp_path: Path) -> None:
    """A SIGTERM meanwhile is no doing of the file's, and nothing is said of it."""
    (tmp_path / "slow.py").write_text("import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "tracekit", "compare", "slow.py"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    try:
        until((tmp_path / "begun").exists)
        process.terminate()
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, said) == (143, b"")


def test_no_model_can(tracekit: Run, tmp_path: Path) -> None:
    """Where the workload itself is broken, there is one line with its exception, and no table."""
    (tmp_path / "broken.py").write_text("def workload(scale):\n    return 1 / 0\n")
    ended = tracekit("compare", "broken.py", "-o", "out.svg")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "ZeroDivisionError" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "out.svg").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Neither Ctrl-C nor a SIGTERM leaves a process behind, or a directory."""
    (tmp_path / "lasting.py").write_text(LASTING)
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tracekit", "compare", "lasting.py", "--models", "processes"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        pids = [int(until(lambda name=name: _text(tmp_path / name))) for name in ("pid-1", "pid-2")]
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert len(said.splitlines()) == (number == signal.SIGINT)
    assert list((tmp_path / "tmp").iterdir()) == []
    for pid in pids:
        until(lambda pid=pid: _is_over(pid))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
