"""`tracekit convert`: any format that is read to any that is written, and several traces to one. Knows how to load and write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from tracekit.cli.part import part
from tracekit.cli.threshold import threshold_option
from tracekit.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.model.trace import Trace


@click.command(short_help="Turn traces into another format, or several into one.")
@click.argument("inputs", nargs=-1, required=True, metavar="IN…")
@click.option(
    "-o", "--output", required=True, metavar="OUT", help="What to write; the end of its name says the format."
)
@click.option(
    "--align",
    metavar="first|wall|OFFSET",
    help="How several are laid on one clock: wall, by the time of day at which they were recorded (the default); first, as if "
    "all had begun together; or when each further one begins, after the first, as 1.5s, -20ms or 1s,2s.",
)
@click.option(
    "--apart", is_flag=True, help="Take no two processes of different traces for one, whatever their numbers."
)
@click.option("--from", "start", metavar="TIME", help="Only from this time on, as 1.5s after the beginning.")
@click.option("--to", "end", metavar="TIME", help="Only up to this time.")
@threshold_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def command(
    inputs: tuple[str, ...],
    output: str,
    align: str | None,
    apart: bool,
    start: str | None,
    end: str | None,
    threshold: str,
    quiet: bool,
) -> None:
    """Read IN (sessions, and traces in any format that tracekit reads) and write it as OUT; several become one trace.

    \b
    OUT is a file whose name ends in
      .json, .json.gz   Chrome's format, which Perfetto opens and all of tracekit's commands read
      .pftrace          Perfetto's own: smaller, tasks nested under their loops (also .pftrace.gz)
      .speedscope.json  the stacks that were sampled, for speedscope
      .parquet, .arrow  a directory of tables for DuckDB, pandas and others (pip install 'tracekit[parquet]')

    Where two traces have one process, by its number, their threads are one: what each recorded lies on one track and nests by
    time; what does not nest lies on a lane beside it.

    \b
    Examples:
      tracekit convert app.json.gz -o app.pftrace
      tracekit convert api.json worker.json.gz old.tracekit/ -o all.json.gz
      tracekit convert app.json profile.json --align first -o both.json
      tracekit convert app.json.gz --from 2s --to 3s -o part.json
    """
    from tracekit.analyze import analyze
    from tracekit.cli.progress import progress
    from tracekit.export.write import write, writer_of
    from tracekit.units import parse_duration

    path = Path(output)
    writer_of(path)
    _refuse_own_input(inputs, output)
    shortest, window = parse_duration(threshold), part(start, end)
    trace = window(_merged(inputs, align, apart))
    with progress("looking for what went wrong"):
        findings = analyze(trace, shortest)
    with progress(f"writing {output}"):
        write(trace, findings, path)
    if not quiet:
        for note in trace.notes:
            click.echo(f"note: {note}", err=True)
        click.echo(f"trace: {output}", err=True)


def _refuse_own_input(inputs: Sequence[str], output: str) -> None:
    for path in inputs:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(path, output):
            raise UsageError(f"{output} is one of the traces to read: choose another name for what is written")


def _merged(inputs: Sequence[str], align: str | None, apart: bool) -> Trace:
    from tracekit.cli.aligning import aligned
    from tracekit.model.merge import merge

    names = _names(inputs)
    traces = [_loaded(path) for path in inputs]
    laid = aligned(traces, names, align)
    if len(traces) == 1:
        return traces[0]
    trace = merge(traces, laid.offsets, names, apart=apart or not laid.one_clock)
    trace.notes += laid.notes
    return trace


def _names(inputs: Sequence[str]) -> list[str]:
    """What to call each trace: the name of its file, or the whole path where two have the same one."""
    short = [os.path.basename(os.path.normpath(path)) for path in inputs]
    return [path if short.count(name) > 1 else name for path, name in zip(inputs, short)]


def _loaded(path: str) -> Trace:
    from tracekit.cli.progress import progress
    from tracekit.clock import monotonic_ns
    from tracekit.load import load
    from tracekit.spool import directory as session_directory

    alive = dict.fromkeys(session_directory.running(path), monotonic_ns()) if os.path.isdir(path) else None
    with progress(f"reading {path}") as done:
        return load(path, done, alive)
