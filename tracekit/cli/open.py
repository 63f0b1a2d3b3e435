"""`tracekit open`: shows traces in Perfetto. Knows only the viewer."""

from __future__ import annotations

import click


@click.command(short_help="Look at traces in Perfetto, in the browser, without internet.")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE…")
@click.option("--port", default=0, show_default="any that is free", metavar="PORT", help="Listen on this port.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def command(traces: tuple[str, ...], port: int, no_browser: bool) -> None:
    """Look at traces in Perfetto, in the browser.

    Serves Perfetto's own page and the TRACEs on this machine only (loopback); no internet is needed, nothing leaves the machine.
    Runs until Ctrl-C.
    """
    from tracekit.export.viewer import serve

    serve(
        list(traces),
        port=port,
        open_browser=not no_browser,
        ready=lambda url: click.echo(f"Perfetto is at {url} (Ctrl-C to stop)", err=True),
    )
