"""`tracekit run`: runs a program unchanged, and makes a trace of what it recorded. Knows how to launch and how to finish."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence

import click

from tracekit.cli.launch import Program, launch
from tracekit.errors import TracekitError, UsageError
from tracekit.sessions import DEFAULT_THRESHOLD, Options
from tracekit.spool import directory as session_directory
from tracekit.units import parse_duration, parse_size

_STARTERS = ("-m", "-c", "--")


class RunCommand(click.Command):
    """Ends tracekit's own options at SCRIPT, -m, -c or --; what follows is the program's, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] != "-" and args[at] not in _STARTERS:
            if args[at][:2] in ("-m", "-c") and not args[at].startswith("--"):  # -mMODULE, as python takes it
                args[at : at + 1] = [args[at][:2], args[at][2:]]
                break
            at += 2 if args[at] in takes_value else 1
        ctx.ensure_object(dict)["program"] = args[at:]
        return super().parse_args(ctx, args[:at])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write_usage("tracekit run", "[OPTIONS] SCRIPT.py [ARGS…]")
        for rest in ("-m MODULE [ARGS…]", "-c CODE [ARGS…]", "-- ANY COMMAND…"):
            formatter.write_usage("tracekit run", f"[OPTIONS] {rest}", prefix="       ")


@click.command(cls=RunCommand, short_help="Run a program and write a trace of it.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write the trace: a name ending in .json or .json.gz. Default: traces/NAME-TIMESTAMP.json.gz",
)
@click.option("--open", "open_it", is_flag=True, help="Afterwards, open the trace in Perfetto.")
@click.option(
    "--threshold",
    default=DEFAULT_THRESHOLD,
    show_default=True,
    metavar="DURATION",
    help="A step of an event loop longer than this is a block.",
)
@click.option(
    "--max-size",
    metavar="SIZE",
    help="What the recording of one process may take on disk, like 1GB. Past it recording stops and says so.",
)
@click.option("--keep-session", is_flag=True, help="Keep the raw recording (STEM.tracekit) beside the trace.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.pass_context
def command(
    ctx: click.Context,
    output: str | None,
    open_it: bool,
    threshold: str,
    max_size: str | None,
    keep_session: bool,
    quiet: bool,
) -> None:
    """Run a program and write a trace of it: its threads, asyncio tasks, executors, processes and garbage collections, and the
    spans of its own `tracekit` probes.

    The program runs as it would without tracekit: same arguments, output, signals and exit code. Stop a server with Ctrl-C
    as usual, and have the trace. What tracekit says goes to stderr.

    \b
    Examples:
      tracekit run script.py --its-own-option
      tracekit run -o out.json -m pytest tests
      tracekit run -- uvicorn app:app
    """
    program = _program(ctx.obj["program"])
    options = Options(parse_duration(threshold), parse_size(max_size) if max_size else 0)
    path = session_directory.check_output(output or _default_output(program))
    directory = session_directory.session_of(path)
    session_directory.create(directory)
    description = session_directory.describe(directory, program.name, program.command)
    try:
        end = launch(program, directory, options, description)
    except BaseException:
        session_directory.remove(directory)
        raise

    from tracekit.cli.finish import finish

    try:
        finish(directory, path, options.threshold, keep_session=keep_session, quiet=quiet)
    except TracekitError as error:
        click.echo(f"tracekit: {error}", err=True)
        end.leave(failed=True)
    except KeyboardInterrupt:
        click.echo(f"tracekit: interrupted; the recording is kept: tracekit recover {directory} -o {path}", err=True)
        end.leave(failed=True)
    if open_it:
        from tracekit.export.viewer import serve

        serve([path])
    end.leave()


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
        return Program(name, [sys.executable, first, *rest], is_python=True)
    if not os.path.exists(first):
        raise UsageError(
            f"no such script: {first}; to run a command that is no Python script: tracekit run -- {first} …"
        )
    if not os.access(first, os.R_OK):
        raise UsageError(f"cannot read {first}; check its permissions")
    name = os.path.splitext(os.path.basename(os.path.abspath(first)))[0]
    return Program(name, [sys.executable, first, *rest], is_python=True)


def _default_output(program: Program) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    stem = f"traces/{program.name}-{stamp}"
    for number in range(2, 1000):
        if not os.path.exists(f"{stem}.json.gz") and not os.path.exists(stem + session_directory.SUFFIX):
            break
        stem = f"traces/{program.name}-{stamp}-{number}"
    return f"{stem}.json.gz"
