"""`tracekit recover`: makes a trace of a session that nobody finished. Knows how to finish one."""

from __future__ import annotations

import os

import click

from tracekit.cli.diagnostics import log_format_option
from tracekit.cli.threshold import threshold_option
from tracekit.errors import UsageError
from tracekit.spool import directory as session_directory


@click.command(short_help="Make a trace of a session that nobody finished.")
@click.argument("session")
@click.option("-o", "--output", metavar="PATH", help="Where to write the trace. Default: where the run was to.")
@threshold_option
@log_format_option
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
    if not session_directory.spools(directory):
        raise UsageError(f"{session} is no session: there is no *.spool file in it")
    running = session_directory.running(directory)
    if running and not _asked_by_its_program(directory):
        raise UsageError(
            f"{session} is still running (pid {running[0]}): wait for its end, or have what is there "
            f"now with `tracekit dump {session}`"
        )
    path = session_directory.check_output(output or session_directory.output_of(directory))
    finish(directory, path, parse_duration(threshold), keep_session=keep_session, quiet=quiet)


def _asked_by_its_program(directory: str) -> bool:
    """Whether the program that leads the session has stopped it and wants its trace now, whichever of its children go on."""
    return session_directory.read(directory).get("child_pid") == os.getppid()
