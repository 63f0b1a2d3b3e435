"""`tracekit run`: the program sees and does what it would without it, and its trace is there afterwards.

Runs the real command.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# signal.pause() hears nothing of a signal that comes after Python last looked and before it blocks.
_UNTIL_SIGNALLED = "while True: time.sleep(0.01)"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Writes a script into an empty working directory."""

    def write(code: str, name: str = "program.py") -> str:
        (tmp_path / name).write_text(textwrap.dedent(code))
        return name

    return write


SELF_PORTRAIT = """
    import os, signal, sys
    import __main__
    print(sys.argv, os.getcwd(), sys.path, __name__, __file__, __main__.__spec__)
    print(sys.stdin.read(), os.isatty(0), os.getpgrp() == int(sys.argv[1]))
    named = [number for number in sorted(signal.valid_signals(), key=int) if hasattr(number, "name")]
    print([(number.name, str(signal.getsignal(number))) for number in named])
    print(sorted(os.listdir("/proc/self/fd")), os.environ.get("PYTHONPATH", "").endswith("elsewhere"))
    sys.stderr.write("to stderr\\n")
    sys.exit(3)
"""


def test_program_sees_what_it_would_see(tracekit: Run, script: Callable[..., str], tmp_path: Path) -> None:
    """argv, cwd, sys.path, __main__, stdin, process group, signals, open files, output and exit code are the same."""
    name = script(SELF_PORTRAIT)
    environment = {**os.environ, "PYTHONPATH": "elsewhere"}
    group = str(os.getpgrp())
    plain = subprocess.run(
        [sys.executable, name, group, "-x", "--open"],
        cwd=tmp_path, capture_output=True, text=True, input="hello", env=environment, check=False,
    )  # fmt: skip
    traced = tracekit("run", "-q", "-o", "out.json", name, group, "-x", "--open", input="hello", env=environment)

    assert (traced.stdout, traced.stderr, traced.returncode) == (plain.stdout, plain.stderr, 3)
    assert check(load(tmp_path / "out.json")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "program.py"]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["-m", "json.tool", "in.json"], "{}\n"),
        (["-mjson.tool", "in.json"], "{}\n"),
        (["-c", "import sys; print(sys.argv)", "-m", "a"], "['-c', '-m', 'a']\n"),
        (["-qm", "json.tool", "in.json"], "{}\n"),
        (["-qmjson.tool", "in.json"], "{}\n"),
        (["-qc", "import sys; print(sys.argv)", "-qo"], "['-c', '-qo']\n"),
        (["-qo", "out.json.gz", "-c", "print(1)"], "1\n"),
        (["-qoout.json.gz", "-qcprint(1)"], "1\n"),
        (["--", "echo", "-n", "--quiet"], "--quiet"),
        (["--", "sh", "-c", f"{sys.executable} -c 'print(1)' | cat"], "1\n"),
    ],
)
def test_what_can_be_run(tracekit: Run, tmp_path: Path, words: list[str], printed: str) -> None:
    """A module, code and any command run with their own options; tracekit's end where they begin."""
    (tmp_path / "in.json").write_text("{}")

    result = tracekit("run", "--quiet", "-o", "out.json.gz", *words)

    assert (result.stdout, result.stderr, result.returncode) == (printed, "", 0)
    assert check(load(tmp_path / "out.json.gz")) == []


def test_a_pipeline(tracekit: Run, tmp_path: Path) -> None:
    """Programs that are no Python are in the trace as well, below the shell that started them, from begin to end."""
    (tmp_path / "program.py").write_text(
        textwrap.dedent(
            """
            import glob, os, time
            begun = time.monotonic()
            seen = lambda: any(b"sort --numeric-sort" in open(path, "rb").read() for path in spools)
            spools = []
            while not seen() and time.monotonic() < begun + 60:
                spools = glob.glob(os.environ["TRACEKIT_SESSION"] + "/*.spool")
            print("2\\n10")
            """
        )
    )

    result = tracekit(
        "run", "-qo", "out.json", "--", "sh", "-c", f"{sys.executable} program.py | sort --numeric-sort; exit 4"
    )

    assert (result.stdout, result.stderr, result.returncode) == ("2\n10\n", "", 4)
    trace = load(tmp_path / "out.json")
    assert check(trace) == []
    by_name = {process.name: process for process in trace.processes}
    assert by_name.keys() == {"sh", "program.py", "sort"}
    shell = trace.processes.index(by_name["sh"])
    assert (by_name["program.py"].parent, by_name["sort"].parent) == (shell, shell)
    assert (by_name["sh"].status, by_name["sort"].status) == (4, None)
    assert by_name["sort"].ended is not None
    assert [trace.threads[at].name for at in range(len(trace.threads)) if trace.threads[at].process == shell] == ["sh"]


def test_says_what_it_found_and_where_the_trace_is(tracekit: Run, script: Callable[..., str], tmp_path: Path) -> None:
    """On stderr: the finding, and the commands that go on from there; on stdout only what the program prints."""
    name = script(
        """
        import asyncio, time

        async def handler():
            time.sleep(0.06)

        async def main():
            await asyncio.gather(handler(), asyncio.sleep(0))

        asyncio.run(main())
        """
    )

    result = tracekit("run", name)

    assert result.stdout == ""
    assert "loop-blocked" in result.stderr
    assert "handler" in result.stderr
    (trace,) = (tmp_path / "traces").glob("program-*.json.gz")
    assert f"tracekit open traces/{trace.name}" in result.stderr


def test_uncaught_exception(tracekit: Run, script: Callable[..., str], tmp_path: Path) -> None:
    """The traceback and the exit code are Python's own."""
    name = script(
        "import threading\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start()\n"
        "thread.join()\n"
        "raise KeyError('mine')\n"
    )
    plain = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=False)

    traced = tracekit("run", "-q", "-o", "out.json", name)

    assert traced.returncode == plain.returncode == 1
    # The thread's traceback names its ident.
    assert traced.stderr.splitlines()[1:] == plain.stderr.splitlines()[1:]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT])
def test_death_by_signal_is_passed_on(tracekit: Run, tmp_path: Path, number: signal.Signals) -> None:
    """A program that dies of a signal: tracekit dies of it too, after it has written the trace."""
    code = (
        "import os, signal\n"
        f"if {int(number)} != signal.SIGKILL: signal.signal({int(number)}, signal.SIG_DFL)\n"
        f"os.kill(os.getpid(), {int(number)})\n"
    )

    result = tracekit("run", "-q", "-o", "out.json", "-c", code)

    assert result.returncode == -number
    assert load(tmp_path / "out.json").exit_status == 128 + number


@pytest.mark.parametrize(("sent", "seen"), [(signal.SIGTERM, "TERM"), (signal.SIGHUP, "HUP")])
def test_signals_are_forwarded(tmp_path: Path, sent: signal.Signals, seen: str) -> None:
    """TERM and HUP sent to tracekit reach the program."""
    code = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIG{seen}, lambda *_: (print('{seen}', flush=True), sys.exit(5)))\n"
        "print('ready', flush=True)\n"
        f"{_UNTIL_SIGNALLED}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", "-c", code],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    process.send_signal(sent)

    assert process.communicate(timeout=60)[0] == f"{seen}\n"
    assert process.returncode == 5
    assert check(load(tmp_path / "out.json")) == []


def test_interrupt_from_the_terminal(tmp_path: Path) -> None:
    """Ctrl-C reaches both; the program ends as it wants to, and the trace is written."""
    code = (
        "import time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        f"    {_UNTIL_SIGNALLED}\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tracekit", "run", "-q", "-o", "out.json", "-c", code],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    os.killpg(process.pid, signal.SIGINT)

    assert process.communicate(timeout=60)[0] == "stopped\n"
    assert process.returncode == 0
    assert check(load(tmp_path / "out.json")) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to run"),
        (["nosuch.py"], "no such script"),
        (["--", "nosuchcommand"], "no such command"),
        (["--"], "nothing to run after --"),
        (["-m"], "-m needs a module"),
        (["-o", "out.txt", "-c", "print(1)"], "must end in .json"),
        (["-o", "/proc/nothing/out.json", "-c", "print(1)"], "cannot write"),
        (["-o", ".json/", "-c", "print(1)"], "is a directory"),
        (["--threshold", "soon", "-c", "print(1)"], "is no duration"),
        (["--max-size", "big", "-c", "print(1)"], "is no size"),
        (["--rate", "5000", "-c", "print(1)"], "a rate of 5000 is not possible"),
        (["--rate", "-1", "-c", "print(1)"], "a rate of -1 is not possible"),
        (["--nonsense", "-c", "print(1)"], "No such option"),
    ],
)
def test_bad_command_lines(tracekit: Run, tmp_path: Path, words: list[str], message: str) -> None:
    """One clear line, exit code 2, and the program has not run."""
    result = tracekit("run", *words)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_unfinished_session_is_not_overwritten(tracekit: Run, tmp_path: Path) -> None:
    """A session that lies where the new one would is kept, and the message says how to recover it."""
    (tmp_path / "out.tracekit").mkdir()

    result = tracekit("run", "-o", "out.json", "-c", "print(1)")

    assert result.returncode == 2
    assert "tracekit recover" in result.stderr
    assert result.stdout == ""


def test_name_of_the_trace_says_its_format(tracekit: Run, script: Callable[..., str], tmp_path: Path) -> None:
    """`-o NAME.pftrace` writes Perfetto's protobuf, which `report` and `check` read like any other trace."""
    name = script("import tracekit\nwith tracekit.span('load', rows=3): pass\n")

    result = tracekit("run", "-q", "-o", "out.pftrace", name)

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "out.pftrace").read_bytes().startswith(b"\n")
    assert "sound" in tracekit("check", "out.pftrace").stdout
    trace = load(tmp_path / "out.pftrace")
    assert [trace.args[at] for at in trace.slices.args[trace.slices.category == Category.SPAN]] == [{"rows": 3}]
    assert tracekit("report", "--json", "out.pftrace").returncode == 0


def test_session_is_kept_on_request(tracekit: Run, tmp_path: Path) -> None:
    """--keep-session leaves the raw recording; it gives the same findings as the trace."""
    assert tracekit("run", "-q", "--keep-session", "-o", "out.json", "-c", "pass").returncode == 0

    reports = [json.loads(tracekit("report", "--json", name).stdout) for name in ("out.json", "out.tracekit")]

    assert reports[0]["processes"] == reports[1]["processes"]
    assert (tmp_path / "out.tracekit").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "out.tracekit").iterdir())


def test_locks_on_request(tracekit: Run, tmp_path: Path) -> None:
    """--locks records waits for locks, in the program and in its children."""
    code = """
        import os, threading
        if os.fork():
            os.wait()
        lock = threading.Lock()
        lock.acquire()
        print(lock.acquire(timeout=0.001))
    """

    result = tracekit("run", "-q", "--locks", "-o", "out.json", "-c", textwrap.dedent(code))

    assert result.stdout == "False\nFalse\n", result.stderr
    trace = load(tmp_path / "out.json")
    assert (trace.slices.category == Category.WAIT).sum() == 2


def test_max_size(tracekit: Run, tmp_path: Path) -> None:
    """Past its largest size recording stops and says so; the program goes on, and the trace tells what is missing."""
    code = "import tracekit as tk\nfor number in range(50_000): tk.instant('tick')\nprint('done')"

    result = tracekit("run", "--max-size", "300kB", "-o", "out.json", "-c", code)

    assert result.stdout == "done\n"
    assert result.stderr.count("stops recording") == 1
    trace = load(tmp_path / "out.json")
    assert 0 < len(trace.instants) < 50_000
    assert any("size" in note or "dropped" in note for note in trace.notes)


def test_session_within_a_traced_program(tracekit: Run, tmp_path: Path) -> None:
    """A program that starts a session of its own under `run` goes on, and is told that it is recorded already."""
    code = "import tracekit as tk\nwith tk.session('own.json'): tk.instant('x')\nprint('done')"

    result = tracekit("run", "-o", "out.json", "-c", code)

    assert result.stdout == "done\n"
    assert "this program is recorded already" in result.stderr
    assert len(load(tmp_path / "out.json").instants) == 1
    assert not (tmp_path / "own.json").exists()


@pytest.mark.parametrize("where", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1"])
def test_nobody_listens(tmp_path: Path, where: str) -> None:
    """Where an output is closed or full, the program's exit code stands, and the trace is written."""
    code = "import os; os._exit(3)"
    line = f'exec "$0" -m tracekit run -o out.json -c "{code}" {where}'

    result = subprocess.run(
        ["sh", "-c", line, sys.executable], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert result.returncode == 3
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """An environment in which one of the libraries that the trace needs is replaced by some code."""

    def replace(code: str) -> dict[str, str]:
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "orjson.py").write_text(textwrap.dedent(code))
        path = os.environ.get("PYTHONPATH")
        return {**os.environ, "PYTHONPATH": str(tmp_path / "broken") + (os.pathsep + path if path else "")}

    return replace


@pytest.mark.parametrize(("status", "passed_on"), [(3, 3), (0, 2)])
def test_tracekit_fails(
    tracekit: Run, tmp_path: Path, broken: Callable[[str], dict[str, str]], status: int, passed_on: int
) -> None:
    """An error that nobody foresaw is one line that says how to recover, and the program's own failure stands."""
    environment = broken("raise ValueError('out of\\norder')")

    result = tracekit("run", "-o", "out.json", "-c", f"raise SystemExit({status})", env=environment)

    assert result.returncode == passed_on
    assert len(result.stderr.splitlines()) == 1
    assert "ValueError: out of order" in result.stderr
    assert f"tracekit recover {tmp_path}/out.tracekit -o {tmp_path}/out.json" in result.stderr
    assert tracekit("recover", "-q", "out.tracekit", "-o", "out.json").returncode == 0
    assert load(tmp_path / "out.json").exit_status == status


def test_interrupt_while_the_trace_is_made(tmp_path: Path, broken: Callable[[str], dict[str, str]]) -> None:
    """A second Ctrl-C, when the program is over, is one line that says how to recover; the recording is kept."""
    environment = broken(
        f"""
        import threading, time
        if threading.current_thread() is not threading.main_thread():  # loaded ahead, while the program runs
            print("ahead", flush=True)
            raise ImportError
        print("writing", flush=True)
        {_UNTIL_SIGNALLED}
        """
    )
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(3))\n"
        "print('ready', flush=True)\n"
        f"{_UNTIL_SIGNALLED}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tracekit", "run", "-o", "out.json", "-c", code],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert {process.stdout.readline() for _ in range(2)} == {"ready\n", "ahead\n"}
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "writing\n"

    os.killpg(process.pid, signal.SIGINT)

    (line,) = process.communicate(timeout=60)[1].splitlines()
    assert "interrupted" in line
    assert f"tracekit recover {tmp_path}/out.tracekit" in line
    assert process.returncode == 3
    assert load(tmp_path / "out.tracekit").exit_status == 3
