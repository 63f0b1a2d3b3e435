"""`tracekit attach`: watches a program that knows nothing of tracekit, and makes a trace of it. Knows whom to ask only."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tracekit.cli.diagnostics import log_format_option, say
from tracekit.cli.naming import default_output
from tracekit.clock import monotonic_ns
from tracekit.errors import TracekitError, UsageError
from tracekit.observe.family import Family, command_of
from tracekit.observe.journal import Journal
from tracekit.observe.pace import Pace
from tracekit.observe.rounds import Rounds
from tracekit.observe.stat import Stat
from tracekit.observe.states import States
from tracekit.observe.weights import Weights
from tracekit.options import DEFAULT_RATE, DEFAULT_THRESHOLD, MOST_RATE
from tracekit.spool import directory as session_directory
from tracekit.spool.limits import Limits
from tracekit.units import parse_duration

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command(short_help="Watch a running program that knows nothing of tracekit.")
@click.argument("pid", type=int)
@click.option("-d", "--duration", metavar="SECONDS", help="How long to watch it. Default: until it ends, or Ctrl-C.")
@click.option("-o", "--output", metavar="PATH", help="Where to write the trace. Default: traces/NAME-TIMESTAMP.json.gz")
@click.option("--open", "open_it", is_flag=True, help="Afterwards, open the trace in Perfetto.")
@click.option(
    "--rate",
    type=click.IntRange(1, MOST_RATE),
    default=DEFAULT_RATE,
    metavar="HZ",
    help=f"How often a second each thread is looked at, 1 to {MOST_RATE}. Default: {DEFAULT_RATE}.",
)
@click.option(
    "--stacks/--no-stacks", default=True, help="Whether to read stacks by py-spy, for a tenth of a processor."
)
@log_format_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def command(
    pid: int,
    duration: str | None,
    output: str | None,
    open_it: bool,
    rate: int,
    stacks: bool,
    quiet: bool,
) -> None:
    """Watch the process PID and what it starts, and write a trace: what each of its threads did or waited for (a processor, the
    GIL, a lock, a file, a timer), where in the code it was, and what the process weighs.

    Nothing in the program is changed or stopped. It needs the right to look at the process: the same user, and where
    kernel.yama.ptrace_scope is 1, root. Spans, tasks and who woke whom are seen only by `tracekit run`.

    \b
    Examples:
      tracekit attach 4711 -d 10
      tracekit attach $(pgrep -f gunicorn | head -1) -o slow.json.gz
    """
    longest = _seconds(duration)
    name = _name(pid)
    path = session_directory.check_output(output or default_output(f"{name}-{pid}"))
    directory = session_directory.session_of(path)
    session_directory.create(directory)
    session_directory.describe(directory, path, f"{name} ({pid})", command_of(pid).split())
    try:
        with _until_asked() as end:
            if not quiet:
                text = f"watching process {pid} ({name})" + ("" if longest else "; Ctrl-C ends it")
                say("watching", text, pid=pid, name=name)
            _watch(pid, directory, 1 / rate, longest, stacks, end)
    except OSError as error:
        session_directory.remove(directory)
        raise TracekitError(f"cannot watch process {pid}: {error.strerror or error}") from None
    from tracekit.cli.finish import finish

    finish(directory, path, parse_duration(DEFAULT_THRESHOLD), quiet=quiet)
    if open_it:
        from tracekit.cli.show import show

        show(path)


def _watch(pid: int, directory: str, interval: float, longest: int, stacks: bool, end: threading.Event) -> None:
    """Look at it until it ends, for so many ns, or until `end` is set."""
    journal = Journal(directory, Limits())
    family = Family(pid, journal)
    states, weights = States(journal), Weights(journal)
    rounds = Rounds(journal, family.name) if stacks else None
    pace = Pace(interval)
    try:
        until = monotonic_ns() + longest if longest else 0
        while not end.is_set() and not journal.is_full:
            now = monotonic_ns()
            processes = family.look(now)
            if not processes or (until and now >= until):
                break
            states.look(processes, now)
            weights.look(processes, now)
            if rounds is not None:
                rounds.look(processes, now)
            end.wait(pace.pause())
    finally:
        states.close()
        if rounds is not None:
            journal.note(rounds.close())
        journal.close()


@contextmanager
def _until_asked() -> Iterator[threading.Event]:
    """An event that Ctrl-C and the other ways to ask for the end of a program set."""
    end = threading.Event()
    before = {number: signal.signal(number, lambda *_: end.set()) for number in _ENDS}
    try:
        yield end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _name(pid: int) -> str:
    """What the process is called, for the names of files.

    Raises:
        UsageError: there is none, or it may not be looked at.
    """
    try:
        stat = Stat(pid)
    except (OSError, ValueError):
        raise UsageError(f"there is no process {pid}; `ps aux` or `pgrep -f NAME` tells which there are") from None
    if stat.is_dead:
        raise UsageError(f"process {pid} ({stat.name}) has ended; nothing is to be seen of it")
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in stat.name) or "process"


def _seconds(text: str | None) -> int:
    """A duration in ns, 0 for none; a plain number counts seconds."""
    if text is None:
        return 0
    ns = parse_duration(text + "s" if text.strip().replace(".", "", 1).isdecimal() else text)
    if not ns:
        raise UsageError(f"-d {text} is no time at all: write how many seconds to watch")
    return ns
