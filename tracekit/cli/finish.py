"""Finish: a session becomes a trace file and a few sentences, and may then be removed. Shared by `run`, `recover` and `dump`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.cli.diagnostics import is_json, say
from tracekit.cli.progress import progress
from tracekit.clock import monotonic_ns
from tracekit.errors import TracekitError
from tracekit.export.page import page
from tracekit.export.report import summary
from tracekit.export.write import write as write_trace
from tracekit.load import load
from tracekit.load.memory import return_freed
from tracekit.model.trace import Trace
from tracekit.spool import directory as session_directory


def finish(directory: str, output: str, threshold: int, keep_session: bool = False, quiet: bool = False) -> None:
    """Write the trace of a session, say on stderr what it shows, and remove the session.

    A session that holds a spool which cannot be read is kept, whatever is asked for.

    Args:
        directory: of the session.
        output: the trace; renamed into place when it is complete.
        threshold: ns; a loop's step longer than this is a block.
        keep_session: leave the session where it is.
        quiet: print nothing.

    Raises:
        TracekitError: the session cannot be read or the trace cannot be written; the session is then kept.
    """
    try:
        # A process may outlive the program: it goes on, and what it records from now on is nowhere.
        alive = dict.fromkeys(session_directory.running(directory), monotonic_ns())
        trace, findings = write(directory, output, threshold, alive)
    except TracekitError as error:
        kept = f"the recording is kept in {directory}" if os.path.isdir(directory) else "its session is gone"
        raise TracekitError(f"{error}; {kept}") from None
    except OSError as error:
        raise TracekitError(
            f"cannot write {output}: {error.strerror}; the recording is kept: "
            f"`tracekit recover {directory} -o ELSEWHERE` tries again"
        ) from None
    if session_directory.read(directory).get("keep_viztracer"):
        _keep_calls(directory, output)
    unread = session_directory.unread(directory)
    if unread:
        text = f"{directory} is kept: this version of tracekit cannot read {', '.join(unread)}"
        say("session-kept", text, "warning", session=directory, unread=unread)
    elif not keep_session:
        session_directory.remove(directory)
    if not quiet:
        sum_up(trace, findings, threshold, output)


def _keep_calls(directory: str, output: str) -> None:
    """Keep viztracer's own files beside the trace; where that cannot be, in the session."""
    stem = session_directory.session_of(output).removesuffix(session_directory.SUFFIX)
    for path in session_directory.all_calls(directory):
        pid, _, part = os.path.basename(path).partition("-")
        number = part.removesuffix(".json").rpartition("-")[2]
        more = "" if number == "1" else f"-{number}"
        try:
            shutil.copy(path, f"{stem}-viztracer-{pid}{more}.json")
        except OSError as error:
            say("calls-not-kept", f"viztracer's file {path} cannot be kept: {error.strerror}", "warning", path=path)


def write(
    directory: str, output: str, threshold: int, alive: Mapping[int, int] | None = None
) -> tuple[Trace, list[Finding]]:
    """Write the trace of a session, and return it with what was found in it.

    Args:
        directory, output, threshold: as for `finish`.
        alive: the processes that go on, as `load` takes them.

    Raises:
        TracekitError: the session cannot be read.
        OSError: the trace cannot be written.
    """
    return_freed()
    with progress("reading the recording") as report:
        trace = load(directory, report, alive)
    with progress("looking for what went wrong"):
        findings = analyze(trace, threshold)
    with progress(f"writing {output}"):
        write_trace(trace, findings, Path(output))
    return trace, findings


def sum_up(trace: Trace, findings: Sequence[Finding], threshold: int, output: str) -> None:
    """Say on stderr what a trace shows, and where it is."""
    if is_json():
        for finding in findings:
            said = {
                key: value for key, value in finding.to_dict().items() if key not in ("slug", "severity", "sentence")
            }
            say(finding.slug, finding.sentence, finding.severity, **said)
        for note in trace.notes:
            say("note", note, "warning")
        say("trace-written", f"the trace is in {output}", path=output)
    elif sys.stderr is not None:
        with suppress(OSError, ValueError):  # the trace is there, whether or not somebody can read about it
            _sum_up(trace, findings, threshold, output)


def _sum_up(trace: Trace, findings: Sequence[Finding], threshold: int, output: str) -> None:
    console = page(sys.stderr)
    summary(trace, findings, console, threshold_ns=threshold)
    shown = os.path.relpath(output)
    shown = output if shown.startswith("..") else shown
    console.print(f"\ntrace: {shown}\n  look at it: tracekit open {shown}", soft_wrap=True, markup=False)
