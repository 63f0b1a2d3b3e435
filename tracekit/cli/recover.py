"""`tracekit recover`: makes a trace of a session that nobody finished. Knows how to finish one."""

from __future__ import annotations

import os

import click

from tracekit.errors import UsageError
from tracekit.sessions import DEFAULT_THRESHOLD
from tracekit.spool import directory as session_directory


@click.command(short_help="Make a trace of a session that nobody finished.")
@click.argument("session")
@click.option("-o", "--output", metavar="PATH", help="Where to write the trace. Default: beside the session.")
@click.option(
    "--threshold",
    default=DEFAULT_THRESHOLD,
    show_default=True,
    metavar="DURATION",
    help="A step of an event loop longer than this is a block.",
)
@click.option("--keep-session", is_flag=True, help="Keep the raw recording as well.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def command(session: str, output: str | None, threshold: str, keep_session: bool, quiet: bool) -> None:
    """Make a trace of SESSION, a directory STEM.tracekit that was left behind: tracekit was killed, or there was no room
    for the trace.

    What each process recorded before its end is there, also if it was killed. The session is removed once the trace is
    written.
    """
    from tracekit.cli.finish import finish
    from tracekit.units import parse_duration

    directory = os.path.abspath(session)
    if not os.path.isdir(directory):
        raise UsageError(f"no such session: {session}; a session is a directory whose name ends in .tracekit")
    if not any(entry.endswith(".spool") for entry in os.listdir(directory)):
        raise UsageError(f"{session} is no session: there is no *.spool file in it")
    stem = directory.removesuffix(session_directory.SUFFIX)
    path = session_directory.check_output(output or stem + ".json.gz")
    finish(directory, path, parse_duration(threshold), keep_session=keep_session, quiet=quiet)
