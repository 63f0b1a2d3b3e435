"""`tracekit open`: shows traces, or parts of them, in Perfetto. Knows the viewer, and what its page can hold."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import NoReturn

import click

from tracekit.cli.part import part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.model.trace import Trace


@click.command(short_help="Look at traces in Perfetto, in the browser, without internet.")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…")
@click.option("--from", "start", metavar="TIME", help="Only from this time on, as 1.5s after the beginning.")
@click.option("--to", "end", metavar="TIME", help="Only up to this time.")
@click.option("--least", metavar="TIME", help="Leave out slices that are shorter, as 100us.")
@click.option("--whole", is_flag=True, help="Open a trace although it is more than the page can hold.")
@click.option("--port", default=0, show_default="any that is free", metavar="PORT", help="Listen on this port.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def command(
    traces: tuple[str, ...],
    start: str | None,
    end: str | None,
    least: str | None,
    whole: bool,
    port: int,
    no_browser: bool,
) -> None:
    """Look at traces in Perfetto, in the browser.

    Serves Perfetto's own page and the TRACEs on this machine only (loopback); no internet is needed, nothing leaves the machine.
    Runs until Ctrl-C. What is more than the page can hold is opened in part: a window of time, or without what is short.

    \b
    Examples:
      tracekit open traces/app.json.gz
      tracekit open app.json.gz --from 2s --to 3.5s
      tracekit open big.json.gz --least 100us
    """
    from tracekit.cli.show import refuse_too_large
    from tracekit.export.perfetto_file import perfetto_file
    from tracekit.export.viewer import serve

    wanted = _Wanted(start, end, least)
    # What is made for the page is removed also when the terminal is closed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with ExitStack() as stack:
        files = []
        for trace in traces:
            if not (whole or wanted.is_part):
                refuse_too_large(trace)
            files.append(stack.enter_context(perfetto_file(trace, wanted if wanted.is_part else None, wanted.words)))
        serve(
            files,
            port=port,
            open_browser=not no_browser,
            ready=lambda url: click.echo(f"Perfetto is at {url} (Ctrl-C to stop)", err=True),
        )


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


class _Wanted:
    """What of a trace is to be shown: called with it, it gives that."""

    def __init__(self, start: str | None, end: str | None, least: str | None) -> None:
        from tracekit.units import parse_duration

        self._part = part(start, end)
        self._least = 0 if least is None else parse_duration(least)
        self.is_part = bool(start or end or least)
        self.words = (f" from {start}" if start else "") + (f" to {end}" if end else "")
        self.words += f", {least} and longer" if least else ""

    def __call__(self, trace: Trace) -> Trace:
        from tracekit.model.coarse import coarse

        trace = self._part(trace)
        return coarse(trace, self._least) if self._least else trace
