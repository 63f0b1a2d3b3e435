"""`tracekit run`: runs a program unchanged, and makes a trace of what it recorded. Knows how to launch and how to finish."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from tracekit.cli import joining
from tracekit.cli.diagnostics import log_format_option, say
from tracekit.cli.launch import End, Program, launch
from tracekit.cli.naming import default_output
from tracekit.cli.threshold import threshold_option
from tracekit.errors import TracekitError, UsageError
from tracekit.options import DEFAULT_RATE, LEAST_SAMPLE_RATE, MOST_RATE, Options
from tracekit.spool import directory as session_directory

_STARTERS = ("-m", "-c")
_OPTIONAL = ("--viztracer", "--py-spy")  # take a value only after "="


class RunCommand(click.Command):
    """Ends tracekit's own options at SCRIPT, -m, -c or --; what follows is the program's, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
            if name not in _OPTIONAL
        }
        own: list[str] = []
        rest = list(args)
        while rest and rest[0].startswith("-") and rest[0] not in ("-", "--"):
            word = rest.pop(0)
            flags, last, attached = _split_short(word, takes_value) if word[1] != "-" else ("", word, "")
            if last in _STARTERS:
                own += [flags] if flags else []
                rest[:0] = [last, attached] if attached else [last]
                break
            own.append(word)
            if last in takes_value and not attached and rest:
                own.append(rest.pop(0))
        ctx.ensure_object(dict)["program"] = rest
        return super().parse_args(ctx, own)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write_usage("tracekit run", "[OPTIONS] SCRIPT.py [ARGS…]")
        for rest in ("-m MODULE [ARGS…]", "-c CODE [ARGS…]", "-- ANY COMMAND…"):
            formatter.write_usage("tracekit run", f"[OPTIONS] {rest}", prefix="       ")


@click.command(cls=RunCommand, short_help="Run a program and write a trace of it.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write the trace: a name that ends in .json, or in .pftrace (Perfetto's own format: smaller, tasks lie under "
    "their loop, which lies under its thread); with .gz behind it, it is compressed. Default: traces/NAME-TIMESTAMP.json.gz",
)
@click.option("--open", "open_it", is_flag=True, help="Afterwards, open the trace in Perfetto.")
@threshold_option
@click.option(
    "--rate",
    type=int,
    default=DEFAULT_RATE,
    metavar="HZ",
    help="How often a second every thread is looked at from outside: whether it runs, or waits for a processor, the GIL, a "
    "lock, input or a child; and where in the code an event loop is blocked. The program is not stopped for it. 0 turns it "
    f"off. Default: {DEFAULT_RATE}; with ten threads it takes 1 to 4 % of one processor beside the program, and at most 5 %; at "
    f"{MOST_RATE}, 5 to 10 %, and at most 15 %. With more threads it looks less often.",
)
@click.option(
    "--locks",
    is_flag=True,
    help="Record who waits for a lock, who holds it and where it was taken, and who lets it go; also for conditions, events, "
    "queues and joins, and multiprocessing's. Only waits are recorded; to take and release a free lock takes some 10 ns more. "
    "Where tracekit records in Python that is more than 1 µs, and only locks that `threading` and `queue` make are seen.",
)
@click.option(
    "--max-size",
    metavar="SIZE",
    help="What the recording of one process may take on disk, like 1GB. Past it recording stops and says so.",
)
@click.option(
    "--flight",
    metavar="LENGTH",
    help="A flight recorder: keep only the last part, like 10s, or 64MB for each process; the rest is let go of, so that it "
    "may run for days. That part is written when the program ends, and as STEM-dump-1.json.gz (2, 3, …) whenever an event "
    "loop is blocked, on an unhandled exception, on `tracekit dump`, and on SIGUSR2 to tracekit's own process.",
)
@click.option(
    "--viztracer",
    metavar="OPTIONS",
    is_flag=False,
    flag_value="",
    help="Have viztracer record every call of a function, of the program and of the processes that it starts, and lay the calls "
    "under the spans and steps that they ran in. --viztracer=tracer_entries=200000,max_stack_depth=20,min_duration=10us, "
    "ignore_c_function, ignore_frozen, include_files=A:B, exclude_files=A:B, log_func_args, log_func_retval ask it for less, or "
    "more. Every call takes some 0.1 to 0.2 µs longer. Each process keeps its last million calls, in 100 MB, begins 0.2 s later, "
    "and takes 0.6 s for a million to write them when it ends; one that is killed takes them along, but for SIGTERM.",
)
@click.option(
    "--keep-viztracer", is_flag=True, help="Keep viztracer's own files (STEM-viztracer-PID.json) beside the trace."
)
@click.option(
    "--py-spy",
    "sample_rate",
    type=int,
    default=0,
    metavar="HZ",
    is_flag=False,
    flag_value=DEFAULT_RATE,
    help="Have py-spy sample the stacks of all threads, idle ones as well, also of the processes that the program starts, and "
    f"lay them on the same timeline: {DEFAULT_RATE} times a second, or --py-spy=HZ times, {LEAST_SAMPLE_RATE} to {MOST_RATE}. "
    "The program waits with its first line until py-spy is attached, some 0.3 s, and is not stopped for it after that. Beside "
    "the program it takes 10 to 20 % of one processor; on a busy machine it looks less often.",
)
@click.option(
    "--native",
    is_flag=True,
    help="With --py-spy: frames of C as well. For that the process is stopped at each look: "
    "a tenth of its time at 100 Hz, and with ten threads on a busy machine nearly half of it.",
)
@click.option("--keep-session", is_flag=True, help="Keep the raw recording (STEM.tracekit) beside the trace.")
@log_format_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.pass_context
def command(
    ctx: click.Context,
    output: str | None,
    open_it: bool,
    threshold: str,
    rate: int,
    locks: bool,
    max_size: str | None,
    flight: str | None,
    viztracer: str | None,
    keep_viztracer: bool,
    sample_rate: int,
    native: bool,
    keep_session: bool,
    quiet: bool,
) -> None:
    """Run a program and write a trace of it: its threads, asyncio tasks, executors and pools, processes and garbage collections,
    what each of them did and waited for, and the spans of its own `tracekit` probes.

    The program runs as it would without tracekit: same arguments, output, signals and exit code. Stop a server with Ctrl-C
    as usual, and have the trace. What tracekit says goes to stderr.

    A `tracekit run` inside of another one records into that one's session, and so into its trace. Several beside each other
    make one trace, written by the last that ends, where they find the same name of a session in TRACEKIT_SESSION.

    \b
    Examples:
      tracekit run script.py --its-own-option
      tracekit run -o out.json -m pytest tests
      tracekit run -- uvicorn app:app
      tracekit run --flight 10s -- gunicorn app:app
      tracekit run -- sh -c 'python a.py | python b.py'
      export TRACEKIT_SESSION=both.tracekit; tracekit run a.py | tracekit run b.py
    """
    program = _program(ctx.obj["program"])
    options = Options.parse(
        threshold, max_size, flight, rate, locks=locks, viztracer=viztracer, sample_rate=sample_rate, native=native
    )
    options.watched = 1
    options.observer = os.getpid() if rate or sample_rate else 0
    outer = joining.outer()
    if outer:
        if output and not quiet:
            text = f"this goes into the session of an outer tracekit, {outer}, and its trace; {output} is not written"
            say("joined-outer", text, session=outer, output=output)
        joining.become(program.command, outer)
    session = _session(program, output)
    directory, path = session.directory, session.output
    session.description["keep_viztracer"] = keep_viztracer
    try:
        end = launch(program, directory, options, session.description)
    except BaseException:
        if session.description["child_pid"] is None and session.is_last():  # nothing has run
            session_directory.remove(directory)
        raise
    # The program is over: whatever goes wrong from here on is one line, and its status stands.
    try:
        if end.preloading is not None:
            end.preloading.join()
        if not session.is_last():  # the last one writes the trace of all
            end.leave()
        from tracekit.cli.finish import finish

        finish(directory, path, options.threshold, keep_session=keep_session, quiet=quiet)
        if open_it:
            from tracekit.cli.show import show

            show(path)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third one would cut off what is to be said
        _conclude(end, "interrupted", directory, path)
    except TracekitError as error:
        say("failed", str(error), "error")
        end.leave(failed=True)
    except Exception as error:
        _conclude(end, " ".join(f"{type(error).__name__}: {error}".split()), directory, path)
    end.leave()


class _Own:
    """A session of this run alone.

    Attributes:
        directory: of the session.
        output: the trace that it is to become.
        description: of what runs.
    """

    def __init__(self, program: Program, output: str | None) -> None:
        self.output = session_directory.check_output(output or default_output(program.name))
        self.directory = session_directory.session_of(self.output)
        session_directory.create(self.directory)
        self.description = session_directory.describe(self.directory, self.output, program.name, program.command)

    def is_last(self) -> bool:
        """Whether nobody else records into it."""
        return True


def _session(program: Program, output: str | None) -> _Own | joining.Membership:
    """Where to record to: into the session that the user has named, or one of this run's own."""
    if not joining.named():
        return _Own(program, output)
    path = session_directory.check_output(output) if output else ""
    return joining.Membership(joining.named(), path, program.name, program.command)


def _split_short(word: str, takes_value: set[str]) -> tuple[str, str, str]:
    """Short options in one word, like -qmMODULE: the flags, the option that ends them ("" if none), what is attached to it."""
    for at in range(1, len(word)):
        option = f"-{word[at]}"
        if option in takes_value or option in _STARTERS:
            return word[:at] if at > 1 else "", option, word[at + 1 :]
    return word, "", ""


def _conclude(end: End, trouble: str, directory: str, path: str) -> NoReturn:
    """Say what kept tracekit from its work and where that leaves the user, and end as the program ended."""
    kept = f"the recording is kept: `tracekit recover {directory} -o {path}` makes a trace of it"
    say("failed", f"{trouble}; {kept if os.path.isdir(directory) else f'the trace is in {path}'}", "error")
    end.leave(failed=True)


def _program(words: Sequence[str]) -> Program:
    if not words:
        raise UsageError("nothing to run; give a script, -m MODULE, -c CODE, or -- COMMAND (see `tracekit run --help`)")
    first, rest = words[0], list(words[1:])
    if first == "--":
        if not rest:
            raise UsageError("nothing to run after --")
        if shutil.which(rest[0]) is None:
            raise UsageError(f"no such command: {rest[0]}; check the spelling and PATH")
        return Program(os.path.basename(rest[0]), rest)
    if first in ("-m", "-c"):
        if not rest or not rest[0]:
            raise UsageError(f"{first} needs {'a module' if first == '-m' else 'some code'} after it")
        name = rest[0] if first == "-m" else "code"
        return Program(name, [sys.executable, first, *rest])
    if not os.path.exists(first):
        raise UsageError(
            f"no such script: {first}; to run a command that is no Python script: tracekit run -- {first} …"
        )
    if not os.access(first, os.R_OK):
        raise UsageError(f"cannot read {first}; check its permissions")
    name = os.path.splitext(os.path.basename(os.path.abspath(first)))[0]
    return Program(name, [sys.executable, first, *rest])
