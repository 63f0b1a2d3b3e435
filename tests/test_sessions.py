"""Sessions that a program starts itself: what they write, what they leave alone, and what they say when they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tracekit as tk
from tracekit import dumps, options, sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category, Flag, Trace
from tracekit.spool import core, layout
from tracekit.spool.reader import read_spool

_VARIABLES = ("PYTHONPATH", "TRACEKIT_SESSION", "TRACEKIT_OPTIONS")

Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Runs code as a program of its own, in a directory of its own, with no session around it."""

    def run(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *options, "-c", textwrap.dedent(code)],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """Where a session of this very process writes its trace; whatever the test does, it is over in the end."""
    yield tmp_path / "out.json"
    tk.stop()


def sound(path: Path) -> Trace:
    """The trace in a file, which must be sound."""
    trace = load(str(path))
    assert check(trace) == []
    return trace


def instants(trace: Trace) -> list[str]:
    return [trace.strings[name] for name in trace.instants.name]


@pytest.mark.parametrize("name", ["out.json", "out.json.gz", "new/folder/out.json"])
def test_session(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A block of code becomes a trace file, without a word; the recording is removed."""
    with tk.session(tmp_path / name), tk.span("work"):
        tk.instant("here")

    assert instants(sound(tmp_path / name)) == ["here"]
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == [Path(name).name]
    assert capfd.readouterr() == ("", "")


def test_start_and_stop(output: Path) -> None:
    """What is recorded lies between start and stop; both may come again, and stop alone does nothing."""
    tk.stop()
    tk.instant("before")
    tk.start(output)
    tk.instant("first")
    tk.stop()
    tk.stop()
    tk.instant("between")
    second = output.with_name("second.json")
    tk.start(str(second))
    tk.instant("second")
    tk.stop()

    assert instants(sound(output)) == ["first"]
    assert instants(sound(second)) == ["second"]


def test_keep_session(output: Path) -> None:
    """On request the raw recording stays beside the trace."""
    with tk.session(output, keep_session=True):
        tk.instant("here")

    assert instants(sound(output.with_suffix(".tracekit"))) == ["here"]
    assert output.exists()


def test_exception_passes(output: Path) -> None:
    """An exception leaves the block as it is, and the trace is written."""
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, tk.session(output), tk.span("here"):
        raise error

    assert caught.value is error
    trace = sound(output)
    assert "here" in [trace.strings[name] for name in trace.slices.name]


def test_no_stop(python: Python, tmp_path: Path) -> None:
    """A program that ends without a stop has its trace all the same."""
    result = python("import tracekit as tk; tk.start('out.json'); tk.instant('here')")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert instants(sound(tmp_path / "out.json")) == ["here"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"output": "out.txt"}, "must end in .json"),
        ({"output": "/proc/none/out.json"}, "cannot be made"),
        ({"output": "out.json", "threshold": "soon"}, "'soon' is no duration"),
        ({"output": "out.json", "max_size": "5 apples"}, "'5 apples' is no size"),
        ({"output": "out.json", "flight": "a while"}, "'a while' is neither a duration nor a size"),
        ({"output": "out.json", "max_size": "0MB"}, "'0MB' leaves no room"),
        ({"output": "out.json", "max_size": ""}, "'' is no size"),
        ({"output": "out.json", "flight": "64MB", "max_size": "1MB"}, "64MB has no room in 1MB"),
    ],
)
def test_bad_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], why: str) -> None:
    """A call that cannot be carried out says why, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)

    with pytest.raises(tk.TracekitError, match=why):
        tk.start(**arguments)  # type: ignore[arg-type]

    assert list(tmp_path.iterdir()) == []
    assert dict(os.environ) == before


def test_double_start(output: Path) -> None:
    """A second session is refused by name of the first, which goes on."""
    tk.start(output)
    with pytest.raises(tk.TracekitError, match=r"running already, for .*out\.json; call tracekit\.stop"):
        tk.start(output.with_name("other.json"))
    tk.instant("goes on")
    tk.stop()

    assert instants(sound(output)) == ["goes on"]
    assert not output.with_name("other.json").exists()


def test_session_that_is_there(output: Path) -> None:
    """A recording that nobody finished is never overwritten."""
    left = output.with_suffix(".tracekit")
    left.mkdir()
    (left / "1-a.spool").write_text("precious")

    with pytest.raises(tk.TracekitError, match="tracekit recover"):
        tk.start(output)

    assert (left / "1-a.spool").read_text() == "precious"


@pytest.mark.parametrize("path", [None, "", "/some/where:/else"])
def test_environment_is_restored(output: Path, monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    """The variables by which children join are there during the session only."""
    if path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", path)
    before = dict(os.environ)

    tk.start(output)
    during = dict(os.environ)
    tk.stop()

    assert dict(os.environ) == before
    assert {key for key in during if during[key] != before.get(key)} == set(_VARIABLES)
    assert during["PYTHONPATH"].endswith(f":{path}" if path else "bootstrap")


def test_environment_that_the_program_changes(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the program sets during a session stays as the program has set it."""
    monkeypatch.setenv("PYTHONPATH", "before")
    tk.start(output)
    os.environ["PYTHONPATH"] = "mine"
    del os.environ["TRACEKIT_OPTIONS"]
    tk.stop()

    assert os.environ["PYTHONPATH"] == "mine"
    assert "TRACEKIT_OPTIONS" not in os.environ
    assert "TRACEKIT_SESSION" not in os.environ


def test_children_join(output: Path) -> None:
    """A Python that is started during the session is a process of its trace; one that is started after it is not touched."""
    code = "import sys, tracekit; tracekit.instant('child'); print('tracekit.sessions' in sys.modules)"
    tk.start(output)
    during = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    tk.stop()
    after = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert (during, after) == ("True\n", "False\n")
    trace = sound(output)
    assert instants(trace) == ["child"]
    assert len(trace.processes) == 2


def test_fork_during_a_session(python: Python, tmp_path: Path) -> None:
    """A forked child that goes on as a program of its own, and even stops the session, leaves the trace to its parent."""
    result = python(
        """
        import os, sys
        import tracekit as tk
        tk.start("out.json")
        pid = os.fork()
        if pid == 0:
            tk.instant("child")
            tk.stop()
            tk.instant("child after")
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.path.exists("out.json"))
        tk.instant("parent")
        tk.stop()
        print(sorted(os.listdir()))
        """
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "3 False\n['out.json']\n"
    assert sorted(instants(sound(tmp_path / "out.json"))) == ["child", "parent"]


def test_light(python: Python) -> None:
    """A session brings nothing heavy into the program, neither while it runs nor when its trace is written."""
    result = python(
        """
        import sys
        import tracekit as tk
        with tk.session("out.json"):
            tk.instant("here")
        heavy = {"numpy", "orjson", "click", "rich", "viztracer", "tracekit.model", "tracekit.load", "tracekit.analyze"}
        print(sorted(heavy & set(sys.modules)))
        """
    )

    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_under_run(run_python: Callable[..., Any], tmp_path: Path) -> None:
    """A program with a session of its own runs under `tracekit run` as well: the outer recording has it all, and says so."""
    ran = run_python(
        f"""
        import tracekit as tk
        with tk.session(r"{tmp_path}/inner.json"):
            tk.instant("here")
        print("done")
        """
    )

    assert (ran.status, ran.stdout) == (0, "done\n")
    assert ran.stderr == f"tracekit: this program is recorded already; {tmp_path}/inner.json is not written\n"
    assert instants(ran.trace) == ["here"]
    assert not (tmp_path / "inner.json").exists()


@pytest.mark.parametrize("module", ["json", "numpy", "click", "tracekit"])
def test_modules_in_the_working_directory(python: Python, tmp_path: Path, module: str) -> None:
    """What lies in the program's working directory does not get in the way of the writing of the trace."""
    (tmp_path / f"{module}.py").write_text("raise RuntimeError('not for you')")

    result = python(
        """
        import sys
        sys.path.remove("")
        import tracekit as tk
        with tk.session("out.json"):
            tk.instant("here")
        """,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert instants(sound(tmp_path / "out.json")) == ["here"]


def test_trace_that_cannot_be_written(output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the trace finds no place in the end, the program goes on, the recording is kept, and stderr says how to go on."""
    tk.start(output)
    tk.instant("here")
    output.mkdir()
    tk.stop()

    error = capfd.readouterr().err
    session = output.with_suffix(".tracekit")
    assert "that is a directory" in error
    assert error.endswith(f"the session is kept: `tracekit recover {session}` tries again\n")
    assert "Traceback" not in error
    assert instants(sound(session)) == ["here"]


def test_no_python_to_write_it(
    output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program whose Python cannot be run again keeps its recording, and hears of it."""
    tk.start(output)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    tk.stop()

    assert "cannot run /nowhere/python" in capfd.readouterr().err
    assert sound(output.with_suffix(".tracekit"))


def test_stderr_that_fails(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tracekit has to say never fails the program, whatever its stderr is."""
    tk.start(output)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr(sys, "stderr", None)
    tk.stop()

    assert not output.exists()


def test_max_size(python: Python, tmp_path: Path) -> None:
    """Past the cap the program goes on with the same output, hears of it in one line, and the trace says what is missing."""
    code = """
        import sys
        import tracekit as tk
        if len(sys.argv) > 1:
            tk.start("out.json", max_size="300kB", keep_session=True)
        for number in range(30_000):
            tk.instant("tick")
        tk.stop()
        print("done", number)
    """
    plain = python(code)
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), "on"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.stdout == plain.stdout == "done 29999\n"
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert "stops recording: it has reached its largest size (300000 bytes); the program goes on" in line
    trace = sound(tmp_path / "out.json")
    assert 10_000 < len(trace.instants) < 30_000
    assert any("--max-size" in note for note in trace.notes)
    assert any("found no room and are missing" in note for note in trace.notes)
    (spool,) = (tmp_path / "out.tracekit").glob("*.spool")
    assert spool.stat().st_size <= 300_000


def test_session_directory_that_disappears(python: Python) -> None:
    """A program whose session is removed under it goes on, and so do its children; in the end it is said once."""
    result = python(
        """
        import shutil, subprocess, sys
        import tracekit as tk
        tk.start("out.json")
        shutil.rmtree("out.tracekit")
        for number in range(30_000):
            tk.instant(f"tick {number}")
        print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True))
        print("done")
        """
    )

    assert result.returncode == 0
    assert "stdout='child\\n', stderr=''" in result.stdout
    assert result.stdout.endswith("done\n")
    assert "stops recording" not in result.stderr
    assert "the trace was not written; its session is gone" in result.stderr
    assert "Traceback" not in result.stderr


def test_options_round_trip() -> None:
    """Options survive the one environment variable that children get; what does not read there is the default."""
    options = sessions.Options(threshold=123, max_size=456, hooks=("gc", "threads"))

    read = sessions.Options.from_text(options.to_text())

    assert (read.threshold, read.max_size, read.hooks) == (123, 456, ("gc", "threads"))
    damaged = sessions.Options.from_text("threshold=soon,max_size=-1,hooks=none+gc,what,=")
    assert (damaged.threshold, damaged.max_size, damaged.hooks) == (50_000_000, 0, ("gc",))


def test_subinterpreter(run_python: Callable[..., Any]) -> None:
    """A subinterpreter starts as it would without us: its process records already, and once."""
    ran = run_python(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        inner = interpreters.create()
        interpreters.run_string(inner, "import sys; print('tracekit' in sys.modules, flush=True)")
        interpreters.destroy(inner)
        """
    )

    assert (ran.status, ran.stdout, ran.stderr) == (0, "False\n", "")
    (spool,) = ran.directory.glob("*.spool")
    assert read_spool(spool).header.ended == layout.ENDED_NORMALLY
    assert len(ran.trace.processes) == 1


@pytest.mark.parametrize("asked", [False, True])
def test_locks(output: Path, asked: bool) -> None:
    """A session records waits for locks where it is asked to."""
    with tk.session(output, locks=asked):
        lock = threading.Lock()
        with lock:
            thread = threading.Thread(target=lambda: lock.acquire(timeout=0.001))
            thread.start()
            thread.join()

    trace = sound(output)
    assert (trace.slices.category == Category.WAIT).any() == asked


def test_flight(output: Path) -> None:
    """A flight recorder's session keeps the last part only; what began before it is in its trace, and marked."""
    with tk.session(output, flight="300kB", keep_session=True), tk.span("outer"):
        for _ in range(100_000):
            tk.instant("tick")

    trace = sound(output)
    assert 1000 < len(trace.instants) < 20_000
    (outer,) = [row for row in range(len(trace.slices)) if trace.strings[trace.slices.name[row]] == "outer"]
    assert trace.slices.flags[outer] & Flag.BEGUN_BEFORE
    (spool,) = output.with_suffix(".tracekit").glob("*.spool")
    assert spool.stat().st_size <= 300_000


def test_flight_in_a_child(python: Python, tmp_path: Path) -> None:
    """Children of such a session keep the last part as well, forked or not."""
    result = python(
        """
        import os, subprocess, sys
        import tracekit as tk
        code = "import tracekit as tk\\nfor _ in range(100_000): tk.instant('tick')"
        with tk.session("out.json", flight="300kB", keep_session=True):
            subprocess.run([sys.executable, "-c", code], check=True)
            if not os.fork():
                exec(code)
                os._exit(0)
            os.wait()
        """
    )
    assert (result.returncode, result.stderr) == (0, "")
    spools = list((tmp_path / "out.tracekit").glob("*.spool"))
    assert len(spools) == 3
    assert all(spool.stat().st_size <= 300_000 for spool in spools)
    sound(tmp_path / "out.json")


def test_dump(output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A dump is a trace of what there is until then; the session goes on, and nothing of the dump is in it."""
    assert tk.dump() is None
    with tk.session(output):
        tk.instant("first")
        first = tk.dump()
        tk.instant("second")
        second = tk.dump(output.with_name("mine.json"))

    assert first == str(output.with_name("out-dump-1.json.gz"))
    assert second == str(output.with_name("mine.json"))
    assert instants(sound(Path(first))) == ["first"]
    assert instants(sound(Path(second))) == ["first", "second"]
    assert instants(sound(output)) == ["first", "second"]
    assert len(sound(output).processes) == 1
    assert capfd.readouterr() == ("", "")


def test_dump_that_cannot_be_written(output: Path) -> None:
    """A path that is no good is an error of the call; the session goes on."""
    with tk.session(output):
        for path in ("out.txt", "/proc/none/out.json"):
            with pytest.raises(tk.TracekitError, match="cannot write"):
                tk.dump(path)
        tk.instant("here")
    assert instants(sound(output)) == ["here"]


def test_dump_without_a_python(
    output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where no process can be had the program goes on, stderr says why, and no empty file is left."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    tk.start(output)
    assert tk.dump() is None
    monkeypatch.undo()
    tk.stop()
    assert "cannot run /nowhere/python" in capfd.readouterr().err
    assert [path.name for path in output.parent.iterdir()] == ["out.json"]


def test_dump_by_itself(python: Python, tmp_path: Path) -> None:
    """A session that the program started has a dump made on an unhandled exception; the program has no child of it."""
    result = python(
        """
        import os, threading
        import tracekit as tk
        tk.start("out.json", flight="10s")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            print("no child")
        while not any(name.startswith("out-dump-1") and os.path.getsize(name) for name in os.listdir()):
            pass
        """
    )
    assert (result.returncode, result.stdout) == (0, "no child\n")
    assert "out-dump-1.json.gz: an unhandled exception: ZeroDivisionError" in result.stderr
    sound(tmp_path / "out-dump-1.json.gz")
    sound(tmp_path / "out.json")


@pytest.mark.parametrize(
    ("text", "kept"), [("10s", (10**10, 0)), ("64MB", (0, 64_000_000)), (" 1.5 m ", (9 * 10**10, 0))]
)
def test_parse_flight(text: str, kept: tuple[int, int]) -> None:
    """What is kept is a duration or a size."""
    assert options.parse_flight(text) == kept


def test_options_travel() -> None:
    """Children have the same options."""
    made = options.Options.parse("20ms", "1GB", "10s", locks=True)
    made.watched = 1
    assert "locks" in made.hooks
    assert vars(options.Options.from_text(made.to_text())) == vars(made)


def test_a_core_that_is_missing_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C core was asked for and is not there, tracekit's own helpers do not say so again."""
    monkeypatch.setenv("TRACEKIT_CORE", "c")
    assert dumps.plain_environment()["TRACEKIT_CORE"] == "c"
    monkeypatch.setattr(core.core, "missing", True)
    assert dumps.plain_environment()["TRACEKIT_CORE"] == "py"
