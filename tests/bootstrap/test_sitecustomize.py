"""The bootstrap: it gets into every Python that it may enter, changes next to nothing there, and gives way to the next one.

Knows environments and command lines, and nothing of what is recorded.
"""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from interpreters import NOBODY, python_for_nobody, pythons

import tracekit
from tracekit import sessions
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

PACKAGE = Path(tracekit.__file__).parent
BOOTSTRAP = PACKAGE / "bootstrap" / "sitecustomize.py"
OLDEST = (3, 10)
ENTERED = "import sys; print('tracekit.sessions' in sys.modules)"

# What a program finds in sys.modules that it would not find without us, besides tracekit's own few. All small, all of the
# standard library; ctypes goes with Python 3.13.
GUESTS = {"_collections", "atexit", "gc", "mmap", "errno", "types", "warnings", "__future__", "struct", "_struct"}
GUESTS |= {"itertools"}
GUESTS |= {"ctypes", "_ctypes", "ctypes._endian"} if sys.version_info < (3, 13) else set()
GUESTS |= {"importlib", "importlib._bootstrap", "importlib._bootstrap_external", "importlib.machinery"}
OWN = {
    "",
    "_fast",
    "_version",
    "capture",
    "clock",
    "errors",
    "events",
    "hooks",
    "options",
    "record",
    "sessions",
    "spool",
    "units",
}


class Entered:
    """Runs Pythons twice, without us and in a session, and has both results."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "s.tracekit"
        self.directory.mkdir(mode=0o700)
        self._cwd = directory

    def __call__(
        self, *command: str, env: dict[str, str] | None = None, path: str | None = None, **options: Any
    ) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
        base = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
        base |= env or {}
        if path is not None:
            base["PYTHONPATH"] = path
        traced = sessions.environment(str(self.directory), sessions.Options(), base)
        return self._run(command, base, options), self._run(command, traced, options)

    def _run(self, command: tuple[str, ...], env: dict[str, str], options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=120, check=False, **{"cwd": self._cwd, **options}
        )

    @property
    def spools(self) -> int:
        """How many programs were recorded."""
        return len(list(self.directory.glob("*.spool")))

    @property
    def trace(self) -> Trace:
        trace = load(str(self.directory))
        assert check(trace) == []
        return trace


@pytest.fixture
def entered(tmp_path: Path) -> Entered:
    """A session to run Pythons in."""
    return Entered(tmp_path)


def _python(*words: str) -> list[str]:
    return [sys.executable, *words]


def _results(pair: tuple[Any, Any]) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    plain, traced = pair
    return (plain.returncode, plain.stdout, plain.stderr), (traced.returncode, traced.stdout, traced.stderr)


def test_enters(entered: Entered) -> None:
    """A Python that is started in a session's environment records itself."""
    plain, traced = entered(*_python("-c", ENTERED))

    assert (plain.stdout, traced.stdout) == ("False\n", "True\n")
    assert (traced.returncode, traced.stderr) == (0, "")
    assert entered.spools == 1


@pytest.mark.parametrize(
    "version", [(2, 7), (3, 6), (3, 7), (3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14)], ids=str
)
def test_every_python(entered: Entered, version: tuple[int, int]) -> None:
    """Any Python starts as it does without us, and the supported ones are traced, whatever is installed in them."""
    if version not in pythons():
        pytest.skip(f"this machine has no CPython {version[0]}.{version[1]}")
    # The package is copied: old Pythons leave their compiled files wherever they import from.
    package = entered.directory.parent / "copy" / "tracekit"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; print(sys.path, sys.argv, sys.flags, 'sitecustomize' in sys.modules)"
    base = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
    env = {**base, "PYTHONPATH": str(package / "bootstrap"), "TRACEKIT_SESSION": str(entered.directory)}

    plain, traced = (
        subprocess.run(
            [pythons()[version], "-c", code, "x"], env=each, capture_output=True, text=True, timeout=60, check=False
        )
        for each in (base, env)
    )

    assert (traced.returncode, traced.stdout, traced.stderr) == (0, plain.stdout, "")
    assert entered.spools == (version >= OLDEST)


def test_parses_anywhere() -> None:
    """The file holds to what the oldest Pythons read: no f-string, no annotation, no walrus, nothing beyond ASCII."""
    source = BOOTSTRAP.read_bytes().decode("ascii")

    tree = ast.parse(source, feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal, ast.Starred)
    assert [node for node in ast.walk(tree) if isinstance(node, newer)] == []
    assert [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and (node.returns or node.args.kwonlyargs)
    ] == []


def test_state_of_the_interpreter(entered: Entered) -> None:
    """argv, path, flags, hooks and signal handlers are what they would be; sys.modules has a few small ones more, listed here."""
    code = """
        import sys, signal, threading, os
        print(sys.argv, sys.orig_argv, sys.path, list(sys.flags), len(sys.path_hooks), sys.warnoptions)
        print([str(signal.getsignal(number)) for number in signal.valid_signals()], signal.set_wakeup_fd(-1))
        print(threading.active_count(), os.listdir("/proc/self/task") == [str(os.getpid())])
        print(sorted(os.listdir("/proc/self/fd")))
        print(sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__)
        print(sys.gettrace(), sys.getprofile())
        print(sorted(set(os.environ) - {"PYTHONPATH", "TRACEKIT_SESSION", "TRACEKIT_OPTIONS"}))
    """
    plain, traced = entered(*_python("-c", textwrap.dedent(code), "--flag", "a b"))

    assert traced.stdout == plain.stdout
    assert (traced.returncode, traced.stderr) == (0, "")
    plain, traced = entered(*_python("-c", "import sys; print(*sys.modules)"))
    more = set(traced.stdout.split()) - set(plain.stdout.split())
    own = {name for name in more if name.partition(".")[0] == "tracekit"}
    print("in sys.modules with tracekit:", *sorted(more))
    assert set(plain.stdout.split()) <= set(traced.stdout.split())
    assert more - own <= GUESTS
    assert {name.split(".")[1] if "." in name else "" for name in own} <= OWN


@pytest.mark.parametrize(
    "body",
    [
        "print('next one', __name__, __file__)",
        "raise ValueError('mine')",
        "import does_not_exist",
        "raise ImportError('by hand', name='sitecustomize')",
        "import sys; sys.stderr.write('said\\n')",
        "def",
    ],
)
def test_next_sitecustomize(entered: Entered, tmp_path: Path, body: str) -> None:
    """The sitecustomize that comes after ours runs; what it raises is reported by `site`, word for word, as without us."""
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(body + "\n")

    pair = entered(*_python("-c", "import sys; print('sitecustomize' in sys.modules)"), path=str(folder))

    plain, traced = _results(pair)
    assert traced == plain
    assert entered.spools == 1


def test_next_sitecustomize_that_exits(entered: Entered, tmp_path: Path) -> None:
    """One that ends the interpreter ends it; but for the line that tells of our file its last words are the same."""
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('leaving')\n")

    plain, traced = entered(*_python("-c", "print('never')"), path=str(tmp_path))

    assert (traced.returncode, traced.stdout) == (plain.returncode, plain.stdout) == (1, "")
    assert traced.stderr.splitlines()[-1] == plain.stderr.splitlines()[-1] == "SystemExit: leaving"


def test_two_of_them(entered: Entered, tmp_path: Path) -> None:
    """Of several later ones the first on the path runs, once."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sitecustomize.py").write_text(f"print({name!r})\n")

    plain, traced = entered(*_python("-c", "pass"), path=f"{tmp_path}/first:{tmp_path}/second")

    assert traced.stdout == plain.stdout == "first\n"


def test_sitecustomize_of_a_virtual_environment(entered: Entered, tmp_path: Path) -> None:
    """In a virtual environment without tracekit its own sitecustomize runs; it is traced, and its path is its own."""
    home = tmp_path / "venv"
    venv.create(home, symlinks=True, with_pip=False)
    (packages,) = home.glob("lib/python3*/site-packages")
    (packages / "sitecustomize.py").write_text("print('of the venv')\n")
    code = "import sys; print(sys.path, sys.prefix, 'tracekit.record.recorder' in sys.modules)"

    plain, traced = entered(str(home / "bin" / "python"), "-c", code)

    assert plain.stdout.endswith("False\n")
    assert traced.stdout == plain.stdout.replace("False\n", "True\n")
    assert traced.stderr == ""
    assert entered.spools == 1


def test_child_of_another_virtual_environment(run_python: Callable[..., Any], tmp_path: Path) -> None:
    """A child in another virtual environment, with nothing installed there, is a process of the trace, probes and all."""
    home = tmp_path / "venv"
    venv.create(home, symlinks=True, with_pip=False)
    ran = run_python(
        f"""
        import subprocess
        code = "import tracekit; tracekit.instant('in the other one')"
        print(subprocess.run([r"{home}/bin/python", "-c", code]).returncode)
        """
    )

    assert (ran.stdout, ran.stderr) == ("0\n", "")
    trace = ran.trace
    assert [trace.strings[name] for name in trace.instants.name] == ["in the other one"]
    assert len(trace.processes) == 2
    assert not any(process.untraced for process in trace.processes)


def test_child_of_another_version(run_python: Callable[..., Any]) -> None:
    """A child of another supported Python is a process of the same trace."""
    others = [path for version, path in pythons().items() if version >= OLDEST and version != sys.version_info[:2]]
    if not others:
        pytest.skip("this machine has no other CPython from 3.10 up")
    ran = run_python(
        f"""
        import subprocess
        for python in {others!r}:
            print(subprocess.run([python, "-c", "import tracekit; tracekit.instant('child')"]).returncode)
        """
    )

    assert (ran.stdout, ran.stderr) == ("0\n" * len(others), "")
    trace = ran.trace
    assert len(trace.instants) == len(others)
    assert len(trace.processes) == 1 + len(others)


@pytest.mark.parametrize("options", [["-I"], ["-E"], ["-S"], ["-IS"]], ids=" ".join)
def test_python_that_may_not_be_entered(entered: Entered, options: list[str]) -> None:
    """Isolated Pythons are left alone. (With -S nobody takes our folder off sys.path.)"""
    code = f"import sys; print(len(sys.modules), [path for path in sys.path if path != {str(BOOTSTRAP.parent)!r}])"
    plain, traced = _results(entered(*_python(*options, "-c", code)))

    assert traced == plain
    assert entered.spools == 0


@pytest.mark.parametrize(
    "options",
    [["-X", "importtime"], ["-v"], ["-X", "dev"], ["-W", "error"], ["-OO"], ["-B"], ["-s"], ["-bb"]],
    ids=" ".join,
)
def test_options_of_python(entered: Entered, options: list[str]) -> None:
    """Options that make Python talk, complain or optimize work as they do without us."""
    plain, traced = entered(*_python(*options, "-c", ENTERED))

    assert (traced.returncode, traced.stdout) == (plain.returncode, "True\n")
    talks = options[0] == "-v" or "importtime" in options
    assert (
        ("Traceback" not in traced.stderr and len(traced.stderr) > len(plain.stderr)) if talks else traced.stderr == ""
    )


@pytest.mark.parametrize("session", ["", "/nowhere/at/all", "/proc/self/status"])
def test_session_that_is_not_there(entered: Entered, session: str) -> None:
    """Where the session has gone in the meantime the program runs as if nothing had been."""
    env = {"TRACEKIT_SESSION": session, "PYTHONPATH": str(BOOTSTRAP.parent)}
    result = subprocess.run(
        _python("-c", ENTERED), env={**os.environ, **env}, capture_output=True, text=True, check=True, timeout=60
    )

    assert (result.stdout, result.stderr) == ("False\n", "")
    assert entered.spools == 0


def test_no_variables(entered: Entered) -> None:
    """A cleaned environment that keeps PYTHONPATH alone runs the bootstrap for nothing, and silently."""
    env = {"PYTHONPATH": str(BOOTSTRAP.parent)}
    code = "import sys; print('tracekit' in sys.modules, [path for path in sys.path if 'bootstrap' in path])"
    result = subprocess.run(_python("-c", code), env=env, capture_output=True, text=True, check=True, timeout=60)

    assert (result.stdout, result.stderr) == ("False []\n", "")
    assert entered.spools == 0


@pytest.fixture
def for_nobody() -> Iterator[tuple[Path, str]]:
    """A folder that everybody may enter, with a copy of the package in it, and a Python that nobody may run."""
    python = python_for_nobody()
    if python is None:
        pytest.skip("not root (these tests run as an ordinary user anyhow), or no Python that other users may run")
    folder = Path(tempfile.mkdtemp(prefix="tracekit-nobody-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(PACKAGE, folder / "tracekit", ignore=shutil.ignore_patterns("__pycache__"))
        for path in folder.rglob("*"):
            path.chmod(path.stat().st_mode | stat.S_IRGRP | stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0))
        yield folder, python
    finally:
        shutil.rmtree(folder)


def _run_as_nobody(folder: Path, python: str, session: Path, code: str, user: int | None = NOBODY) -> Any:
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(folder / "tracekit" / "bootstrap"),
        "TRACEKIT_SESSION": str(session),
    }
    rights: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    return subprocess.run(
        [python, "-c", textwrap.dedent(code)],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **rights,
    )


def test_user_other_than_root(for_nobody: tuple[Path, str]) -> None:
    """A user without any rights, who cannot write where the package lies, records as root does."""
    folder, python = for_nobody
    session = folder / "s.tracekit"
    session.mkdir(mode=0o700)
    os.chown(session, NOBODY, NOBODY)

    result = _run_as_nobody(
        folder,
        python,
        session,
        """
        import os, threading, tracekit
        threading.Thread(target=lambda: tracekit.instant("thread")).start()
        if os.fork() == 0:
            tracekit.instant("child")
        else:
            os.wait()
        """,
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    trace = load(str(session))
    assert check(trace) == []
    assert sorted(trace.strings[name] for name in trace.instants.name) == ["child", "thread"]
    assert {path.stat().st_uid for path in session.iterdir()} == {NOBODY}


def test_session_of_somebody_else(for_nobody: tuple[Path, str]) -> None:
    """A user who may not write into the session is told so in one line, and is not held up."""
    folder, python = for_nobody
    session = folder / "s.tracekit"
    session.mkdir(mode=0o755)

    result = _run_as_nobody(folder, python, session, "print('done')")

    assert (result.returncode, result.stdout) == (0, "done\n")
    (line,) = result.stderr.splitlines()
    assert "is not traced (PermissionError" in line
    assert line.endswith("it goes on")


def test_rights_given_up(for_nobody: tuple[Path, str]) -> None:
    """A program that gives up its rights in the middle goes on recording into what it has, and says when that is full."""
    folder, python = for_nobody
    session = folder / "s.tracekit"
    session.mkdir(mode=0o700)

    result = _run_as_nobody(
        folder,
        python,
        session,
        f"""
        import os, tracekit
        tracekit.instant("root")
        os.setgid({NOBODY}); os.setuid({NOBODY})
        for number in range(30_000):
            tracekit.instant("nobody")
        print("done")
        """,
        user=None,
    )

    assert (result.returncode, result.stdout) == (0, "done\n")
    (line,) = result.stderr.splitlines()
    assert "cannot grow: Permission denied; the program goes on" in line
    trace = load(str(session))
    assert check(trace) == []
    assert 10_000 < len(trace.instants) < 30_000
    assert any("found no room" in note for note in trace.notes)
