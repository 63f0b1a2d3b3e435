"""`tracekit query`: asks a trace in Perfetto's SQL. Knows who answers, and how answers are written; no table of Perfetto's."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tracekit.cli.diagnostics import say
from tracekit.errors import TracekitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracekit.export.processor import Answer, Processor

# What Perfetto counts while it reads a trace; those of other severities tell of nothing that is missing.
_LOST = """select name, sum(value) from stats where value != 0 and severity in ('error', 'data_loss') group by name"""


@click.command(short_help="Ask a trace in SQL, as Perfetto understands it, without internet.")
@click.argument("trace")
@click.argument("sql", required=False)
@click.option("-f", "--file", "path", metavar="FILE", help="Read the SQL from a file.")
@click.option(
    "--table", "form", flag_value="table", default=True, help="Columns under each other, to look at (the default)."
)
@click.option("--json", "form", flag_value="json", help="An array of objects, a row a line.")
@click.option("--csv", "form", flag_value="csv", help="A line of names, then a line a row.")
def command(trace: str, sql: str | None, path: str | None, form: str) -> None:
    """Ask TRACE in SQL; a SQL of - is read from stdin.

    Perfetto's own trace processor answers, on this machine (node runs it). TRACE is what Perfetto reads, or a session; of
    several statements the rows of the last one are printed. Times are in nanoseconds.

    \b
    Some tables:
      slice           id, ts, dur, name, category, depth, track_id, arg_set_id
      thread_track    id, utid         thread   utid, upid, tid, name
      process         upid, pid, name  counter  ts, value, track_id
      flow            slice_out, slice_in

    \b
    Examples:
      tracekit query app.json.gz "select name, count(*), sum(dur) / 1e6 as ms from slice group by name order by ms desc"
      tracekit query app.json.gz -f slow.sql --csv > slow.csv
      echo "select name, tid from thread" | tracekit query app.json.gz - --json
    """
    statement = _statement(sql, path)
    with _asked(trace) as processor:
        _say_lost(processor)
        _write(_answers(processor, statement), form)


def _statement(sql: str | None, path: str | None) -> str:
    if (sql is None) == (path is None):
        raise UsageError('give the SQL, as in "select name, dur from slice", or - for stdin, or a file of it with -f')
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return sys.stdin.read() if sql == "-" else sql or ""


@contextmanager
def _asked(trace: str) -> Iterator[Processor]:
    """A trace processor that holds the trace."""
    from tracekit.cli.progress import progress
    from tracekit.export.perfetto_file import perfetto_file
    from tracekit.export.processor import Processor, Refused

    with perfetto_file(trace) as path, Processor() as processor:
        try:
            with progress(f"Perfetto reads {trace}"):
                processor.load(path)
        except Refused as error:
            _load_mended(processor, trace, _line(error))
        except OSError as error:
            raise TracekitError(f"{trace} cannot be read: {error.strerror or error}. Check the path.") from None
        yield processor


def _load_mended(processor: Processor, trace: str, reason: str) -> None:
    """Loads what tracekit can read of a trace that Perfetto can't, as one that was cut off.

    Args:
        reason: what Perfetto says of it.
    """
    from tracekit.export.perfetto_file import perfetto_file
    from tracekit.export.processor import Refused

    try:
        with perfetto_file(trace, lambda whole: whole) as path:
            processor.load(path)
    except (TracekitError, Refused):
        raise TracekitError(f"Perfetto cannot read {trace}: {reason}") from None
    say("read-by-tracekit", f"Perfetto cannot read {trace} ({reason}); this is what tracekit reads of it", "warning")


def _say_lost(processor: Processor) -> None:
    for _, rows in processor.query(_LOST):
        for name, count in rows:
            say("lost-by-perfetto", f"Perfetto could not take all of the trace: {name!s} = {count!s}", "warning")


def _answers(processor: Processor, sql: str) -> Iterator[Answer]:
    from tracekit.export.processor import Refused

    try:
        yield from processor.query(sql)
    except Refused as error:
        raise TracekitError(f"Perfetto cannot run this SQL: {_line(error)}") from None


def _line(error: Exception) -> str:
    """What Perfetto says, in one line: where in the statement, and the last line of what it says of that."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return "it gives no reason"
    places = re.findall(r'^ *File "stdin" line (\d+) col (\d+)', str(error), re.MULTILINE)
    place = "line {}, column {}: ".format(*places[-1]) if places else ""
    return place + lines[-1]


def _write(answers: Iterable[Answer], form: str) -> None:
    from tracekit.export import rows
    from tracekit.export.page import clean, page

    if form == "table":
        console = page(sys.stdout)
        lines, right = rows.table(answers)
        cleaned = [[clean(console, cell) for cell in line] for line in lines]
        for line in rows.aligned(cleaned, right):
            sys.stdout.write(line + os.linesep)
        sys.stdout.flush()
        return
    lines_of = rows.json_lines if form == "json" else rows.csv_lines
    sys.stdout.buffer.writelines(lines_of(answers))
    sys.stdout.buffer.flush()
