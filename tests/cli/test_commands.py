"""report, check, recover, doctor, help: the commands that take a trace or a machine. Runs the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.load import load

Run = Callable[..., "subprocess.CompletedProcess[str]"]

BLOCKING = "import asyncio, time\nasync def main(): time.sleep(0.12)\nasyncio.run(main())\n"


@pytest.fixture
def blocking(tracekit: Run, tmp_path: Path) -> Path:
    """A trace of a program that blocks its loop for 120 ms."""
    assert tracekit("run", "-q", "-o", "out.json", "-c", BLOCKING).returncode == 0
    return tmp_path / "out.json"


def test_report(tracekit: Run, blocking: Path) -> None:
    """The text names the finding, the task and its coroutine."""
    result = tracekit("report", str(blocking))

    assert result.returncode == 0
    assert "loop-blocked" in result.stdout
    assert "main" in result.stdout


def test_report_as_json(tracekit: Run, blocking: Path) -> None:
    """One object, with the keys that are promised."""
    report = json.loads(tracekit("report", str(blocking), "--json").stdout)

    assert set(report) >= {"schema", "program", "wall_s", "processes", "threads", "tasks", "loops", "findings"}
    # On a busy machine the system may stop another step for long enough.
    finding = next(finding for finding in report["findings"] if "main" in str(finding["function"]))
    assert finding["slug"] == "loop-blocked"
    assert finding["duration_s"] >= 0.12
    assert finding["function"].endswith("main")


@pytest.mark.parametrize(("rule", "status"), [("loop-blocked>100ms", 1), ("loop-blocked>60s", 0), ("loop-blocked", 1)])
def test_fail_on(tracekit: Run, blocking: Path, rule: str, status: int) -> None:
    """A broken rule is exit code 1."""
    assert tracekit("report", str(blocking), "--fail-on", rule).returncode == status


def test_check(tracekit: Run, blocking: Path) -> None:
    """A sound trace is called sound."""
    result = tracekit("check", str(blocking))

    assert (result.returncode, "sound" in result.stdout) == (0, True)


def test_recover(tracekit: Run, tmp_path: Path) -> None:
    """A session whose leader was killed as well becomes a trace beside it, and is removed."""
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", BLOCKING).returncode == 0
    (tmp_path / "out.json").unlink()
    (tmp_path / "out.tracekit" / "session.json").unlink()

    result = tracekit("recover", "out.tracekit")

    assert result.returncode == 0
    assert "loop-blocked" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json.gz"]
    assert len(load(tmp_path / "out.json.gz").tasks) >= 1


def test_recover_keeps_what_it_cannot_read(tracekit: Run, tmp_path: Path) -> None:
    """A spool that this version cannot read is not thrown away with those that it can."""
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", "pass").returncode == 0
    (stranger := tmp_path / "out.tracekit" / "newer.spool").write_bytes(b"of another version")

    result = tracekit("recover", "-q", "out.tracekit", "-o", "out.json")

    assert result.returncode == 0
    assert "newer.spool" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert stranger.read_bytes() == b"of another version"
    assert len(list(stranger.parent.glob("*.spool"))) == 2


WAITING = "print('ready', flush=True); input()"


def test_recover_of_what_still_runs(tracekit: Run, tmp_path: Path) -> None:
    """A session whose program goes on is left alone; once it is over it becomes what the run was asked for."""
    with subprocess.Popen(
        [sys.executable, "-m", "tracekit", "run", "--keep-session", "-q", "-o", "out.json", "-c", WAITING],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        pid = json.loads((tmp_path / "out.tracekit" / "session.json").read_text())["child_pid"]

        result = tracekit("recover", "out.tracekit")

        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert f"still running (pid {pid}): wait for its end, or" in result.stderr
        assert "`tracekit dump" in result.stderr
        process.communicate(b"\n")
    assert process.returncode == 0
    (tmp_path / "out.json").unlink()
    assert tracekit("recover", "-q", "out.tracekit").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_program_stops_its_session_before_its_children(tmp_path: Path) -> None:
    """A program that ends its session has its trace at once, also while a child of its goes on."""
    code = (
        "import os, subprocess, sys, tracekit as tk\n"
        "with tk.session('out.json'):\n"
        f"    child = subprocess.Popen([sys.executable, '-c', {WAITING!r}], stdin=-1, stdout=-1)\n"
        "    child.stdout.readline()\n"
        "print(os.path.exists('out.json'), child.poll())\n"
        "child.communicate(b'\\n')\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert result.stdout == "True None\n"
    assert len(load(tmp_path / "out.json").processes) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_recover_of_what_is_closed_to_us(tracekit: Run, tmp_path: Path) -> None:
    """A session that belongs to somebody else is one clear line."""
    (tmp_path / "out.tracekit").mkdir(0o300)

    result = tracekit("recover", "out.tracekit")

    assert result.returncode == 2
    assert "Permission denied" in result.stderr
    assert len(result.stderr.splitlines()) == 1


# Names and contents of what is no trace; None is a directory.
BAD_INPUTS: dict[str, bytes | None] = {
    "empty.json": b"",
    "garbage.json": b"\x00\xff nonsense",
    "text.json": b"hello\n",
    "cut.json": b'{"traceEvents":[{"ph":"X"',
    "cut.json.gz": b"\x1f\x8b\x08\x00\x00",
    "other.json": b'{"traceEvents":[]}',
    "cut.spool": b"TRAC",
    "directory": None,
}


BAD = [*BAD_INPUTS, "missing.json"]
# `open` takes all that Perfetto may read: of JSON it looks at the beginning only.
TO_OPEN = [name for name in BAD if not name.startswith(("cut.json", "other"))]


@pytest.mark.parametrize(
    ("command", "name"),
    [(command, name) for command in ("report", "check", "recover") for name in BAD]
    + [("open", name) for name in TO_OPEN],
)
def test_bad_input(tracekit: Run, tmp_path: Path, command: str, name: str) -> None:
    """One clear line on stderr, exit code 2, no traceback, and the file stays."""
    content = BAD_INPUTS.get(name, b"")
    if content is None:
        (tmp_path / name).mkdir()
    elif name != "missing.json":
        (tmp_path / name).write_bytes(content)

    result = tracekit(command, name)

    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert (tmp_path / name).exists() == (name != "missing.json")


def test_spool_cut_anywhere_in_its_last_page(tracekit: Run, tmp_path: Path) -> None:
    """A session whose spool is cut inside its last page, at whatever byte of a record, loads, with what was complete."""
    code = "import tracekit as tk\nfor number in range(3000): tk.instant('tick')\n"
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", code).returncode == 0
    (spool,) = (tmp_path / "out.tracekit").glob("*.spool")
    whole = spool.read_bytes()
    used = len(whole.rstrip(b"\0"))
    for cut in (*range(used - 4096, used - 64, 13), *range(used - 64, used + 1)):
        spool.write_bytes(whole[:cut])
        trace = load(tmp_path / "out.tracekit")
        assert len(trace.instants) <= 3000
        assert len(trace.processes) == 1


def test_doctor(tracekit: Run) -> None:
    """On a machine where the tests run, recording works, and doctor says so."""
    result = tracekit("doctor")

    assert result.returncode == 0
    assert "records itself" in result.stdout


COMMANDS = ("run", "report", "open", "check", "recover", "doctor", "query", "convert")


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=str)
def test_help(tracekit: Run, command: list[str]) -> None:
    """Every command has a page that says what it does."""
    result = tracekit(*command, "--help")

    assert result.returncode == 0
    assert "Usage: tracekit" in result.stdout
    assert len(result.stdout.splitlines()) > 6
