"""The chores of the project, each a session of nox: `nox -l` lists them. Knows no path of any machine.

Every session makes its own virtual environment. What a session needs beyond Python (node, a Chromium) it says when it is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nox

nox.options.sessions = ["tests", "types", "lint"]
nox.options.error_on_missing_interpreters = True

OLDEST = (3, 10)

# Libraries whose own tests run in a session, and what these tests need.
_GUESTS = ("aiohttp", "anyio")
_OF_GUESTS = [
    "blockbuster",
    "coverage",
    "freezegun",
    "isal",
    "proxy.py",
    "psutil",
    "pytest-cov",
    "pytest-mock",
    "pytest-timeout",
]
_OF_GUESTS += ["pytest-xdist", "pytest_codspeed", "setuptools", "trio", "trustme", "truststore", "uvloop", "zlib_ng"]


def _version(python: str) -> str:
    """The version that the name of a Python says, as "3.11"."""
    found = re.search(r"3\.\d+$", python)
    return found[0] if found else ""


def _pythons() -> list[str]:
    """Every CPython from 3.10 up that this machine has, one of each minor version: on PATH, and among pyenv's."""
    roots = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    roots += sorted(pyenv.glob("versions/*/bin"), reverse=True)
    found: dict[tuple[int, int], str] = {}
    for root in roots:
        if root.name == "shims":  # pyenv's: they answer for versions that are not switched on, too
            continue
        for candidate in sorted(root.glob("python3.*")):
            match = re.fullmatch(r"python3\.(\d+)", candidate.name)
            if match and (3, int(match[1])) >= OLDEST and (3, int(match[1])) not in found and _works(candidate):
                found[3, int(match[1])] = str(candidate)
    names = [found[version] for version in sorted(found)]
    part = os.environ.get("TRACEKIT_PART")  # 0 or 1: every second one, so that two runs of nox share them
    if part:
        names.sort(key=lambda name: _version(name) != os.environ.get("TRACEKIT_TESTED"))
        return names[int(part) :: 2]
    return names


def _works(python: Path) -> bool:
    code = "import sys, venv, ensurepip; print(sys.implementation.name)"
    try:
        result = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return result.stdout.strip() == "cpython"


@nox.session(python=_pythons())
def tests(session: nox.Session) -> None:
    """The tests, on every CPython from 3.10 up that the machine has; what either core can do, on both cores.

    The real Perfetto has a session of its own. Where all tests have just run on one of these Pythons, TRACEKIT_TESTED names it.
    """
    session.install(".[test,guests,parquet,picture]")
    if session.posargs:
        session.run("pytest", *session.posargs)
    elif os.environ.get("TRACEKIT_TESTED") != _version(str(session.python)):
        session.run("pytest", "-m", "not torture and not perfetto")
    if not session.posargs:
        rooms = ("tests/spool", "tests/record", "tests/hooks", "tests/test_sessions.py")
        session.run("pytest", *rooms, env={"TRACEKIT_CORE": "py"})


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, on the package."""
    session.install(".[types]")
    session.run("mypy")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    session.install("ruff>=0.6")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check", *session.posargs)


@nox.session
def perfetto(session: nox.Session) -> None:
    """Traces in the real Perfetto: its trace processor (node) and its page (a Chromium on PATH)."""
    session.install(".[test,browser]")
    session.run("pytest", "-m", "perfetto", *session.posargs, env={"TRACEKIT_REQUIRE_PERFETTO": "1"})


@nox.session
def sanitize(session: nox.Session) -> None:
    """The C core, built so that it notices every wrong address and all undefined behaviour."""
    build = Path(session.create_tmp())
    (build / "setup.cfg").write_text(f"[build]\nbuild_base = {build.resolve()}\n")  # nothing that was built otherwise
    flags = "-g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
    compiling = {"CFLAGS": flags, "LDFLAGS": flags, "DIST_EXTRA_CONFIG": str(build.resolve() / "setup.cfg")}
    session.install(".[test,guests]", env=compiling)
    libraries = [
        str(session.run("gcc", f"-print-file-name={name}", external=True, silent=True)).strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    env = {
        "LD_PRELOAD": ":".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TRACEKIT_CORE": "c",
    }
    # Left out: it starts a Python in an empty environment, which lacks the libraries.
    others = "not test_traceback"
    rooms = ("tests/spool", "tests/record", "tests/hooks")
    columns = [f"tests/export/test_{name}.py" for name in ("rows", "packets", "events")]
    session.run("pytest", *rooms, *columns, "tests/model/test_nesting.py", "-k", others, *session.posargs, env=env)


@nox.session
def torture(session: nox.Session) -> None:
    """Long and random tests with fixed seeds: kills at any moment, other people's test suites."""
    session.install(".[test,guests]")
    session.run("pytest", "-m", "torture", *session.posargs)


@nox.session(python=_pythons())
def guests(session: nox.Session) -> None:
    """The test suites of asynchronous libraries, from their source distributions: in a session the same tests fail as without."""
    sources = Path(session.create_tmp()).resolve()
    session.install(".[test]", *_GUESTS, *_OF_GUESTS, "--no-binary", ",".join(_GUESTS))
    for name in _GUESTS:
        session.run(
            "python", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, "-d", str(sources), name
        )
    for archive in sources.glob("*.tar.gz"):
        shutil.unpack_archive(archive, sources)
    session.run(
        "pytest",
        "-m",
        "torture",
        "tests/torture/test_guests.py",
        *session.posargs,
        env={"TRACEKIT_GUESTS": str(sources)},
    )


def _measured() -> dict[str, str]:
    """The Pythons of `_pythons` whose numbers are asked for, by version."""
    found = {_version(python): python for python in _pythons()}
    return {version: python for version, python in found.items() if version != "3.10"}


def _bench(session: nox.Session) -> None:
    """What tracekit costs on one Python, each figure beside a floor and rivals in the same run."""
    # A rival that cannot be installed is named by the suite.
    session.install(".")
    for rival in ("opentelemetry-sdk>=1.20", "ddtrace>=2.10", "gilknocker>=0.4"):
        session.run("python", "-m", "pip", "install", "--quiet", rival, silent=True, success_codes=[0, 1])
    session.run("python", "tests/bench/run.py", *session.posargs)


for _name, _python in _measured().items():
    nox.session(python=_python, name=f"bench-{_name}")(_bench)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """What tracekit costs, on every CPython from 3.11 up that the machine has, one after the other."""
    for version in _measured():
        session.notify(f"bench-{version}", session.posargs)


@nox.session
def predictions(session: nox.Session) -> None:
    """Hold predictions to account: all built-in workloads, predicted from one traced run and measured, under all models."""
    session.install(".[guests]")
    session.run("python", "tests/bench/predictions.py", *(session.posargs or ("--repeat", "13", "--scale", "0.5")))


@nox.session
def bench_picture(session: nox.Session) -> None:
    """Make the README's picture of what a span costs anew, from what `nox -s bench` kept."""
    kept = session.posargs or sorted(str(path) for path in Path().glob("bench-*-c.json"))[:1]
    if not kept:
        session.error("there are no figures: run `nox -s bench` first, or name the file that it kept")
    session.run("python", "tests/bench/picture.py", "traces/sample-bench.svg", *kept)


@nox.session
def picture(session: nox.Session) -> None:
    """Make the README's picture anew: the two programs of the article, side by side in Perfetto."""
    session.install(".[browser]")
    folder = Path(session.create_tmp())
    traces = []
    for name in ("article_threads", "article_asyncio"):
        trace = folder / f"{name}.json.gz"
        session.run("tracekit", "run", "--quiet", "-o", str(trace), f"workloads/{name}.py")
        traces.append(str(trace))
    captions = ("--caption", "threads: the polls go on", "--caption", "asyncio: one step of 2 s holds up everybody")
    session.run("python", "-m", "tests.perfetto.screenshot", "traces/sample-article.png", *traces, *captions)
