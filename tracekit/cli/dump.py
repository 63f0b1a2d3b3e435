"""`tracekit dump`: writes out what a running session holds, while it goes on. Knows how to find one and how to write a trace."""

from __future__ import annotations

import os
from contextlib import suppress

import click

from tracekit import clock
from tracekit.cli.diagnostics import log_format_option, say
from tracekit.cli.threshold import threshold_option
from tracekit.errors import TracekitError, UsageError
from tracekit.spool import directory as session_directory


@click.command(short_help="Write out what a running session holds.")
@click.argument("session", required=False, metavar="[SESSION|PID]")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write the trace. Default: STEM-dump-1.json.gz (2, 3, …) beside the session.",
)
@threshold_option
@log_format_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@click.option(
    "--because", hidden=True, help="Nobody typed this: why; say it in one line, and give way to another dump."
)
def command(session: str | None, output: str | None, threshold: str, quiet: bool, because: str | None) -> None:
    """Write a trace of what a running session holds now; the program goes on, and so does its recording.

    SESSION is a directory STEM.tracekit, PID a process that records into one; without either it is the one session that
    runs. Of a flight recorder (`tracekit run --flight 10s`, or `tk.start(flight="10s")` in the program) that is the last
    part, with what was open when it began. The program is not asked: it works while the program hangs, and after it was
    killed.

    The same without a second shell: `kill -USR2` to the process of `tracekit run`, or `tk.dump()` in the program.

    \b
    Examples:
      tracekit dump
      tracekit dump 4711 -o hang.json.gz
      tracekit dump traces/app.tracekit
    """
    from tracekit.units import parse_duration

    directory = _find(session)
    shortest = parse_duration(threshold)
    with session_directory.lock(directory, wait=because is None) as held:
        if not held:
            return
        path = session_directory.check_output(output) if output else session_directory.dump_of(directory)
        written = False
        try:
            _write(directory, path, shortest, quiet or because is not None)
            written = True
        except OSError as error:
            raise TracekitError(f"cannot write {path}: {error.strerror}; choose another place with -o") from None
        finally:
            if not written and not output:  # the name was claimed only
                with suppress(OSError):
                    os.unlink(path)
    if because is not None:
        say("dump-written", f"wrote {path}: {because}", path=path, because=because)


def _write(directory: str, path: str, threshold: int, quiet: bool) -> None:
    from tracekit.cli.finish import sum_up, write

    alive = dict.fromkeys(session_directory.running(directory), clock.monotonic_ns())
    trace, findings = write(directory, path, threshold, alive)
    if not quiet:
        sum_up(trace, findings, threshold, path)


def _find(session: str | None) -> str:
    """The directory of the session that is meant."""
    from tracekit.observe.mappings import running_sessions, session_of

    if session is None:
        running = running_sessions()
        if len(running) == 1:
            return next(iter(running))
        if running:
            listed = "; ".join(
                f"{directory} (pid {', '.join(map(str, pids))})" for directory, pids in sorted(running.items())
            )
            raise UsageError(f"several sessions are running, say which one: {listed}")
        raise UsageError("no session of yours is running; start one with `tracekit run --flight 10s …`")
    if os.path.isdir(session):
        directory = os.path.abspath(session)
        if not session_directory.spools(directory):
            raise UsageError(f"{session} holds no recording: there is no *.spool file in it")
        return directory
    if not session.isdecimal():
        raise UsageError(f"no such session: {session!r}; give a directory STEM.tracekit, or the pid of a process in it")
    found = session_of(int(session))
    if found is not None:
        return found
    for directory in running_sessions():
        if session_directory.read(directory).get("leader_pid") == int(session):
            return directory
    if not os.path.exists(f"/proc/{session}"):
        raise UsageError(f"there is no process {session}; `tracekit dump` alone finds what is running")
    raise UsageError(f"process {session} records nothing, or is not yours; `tracekit dump` alone finds what is running")
