"""Anything that holds a recording -> Trace: `load` looks at what is there. Knows no format itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from tracekit.errors import TracekitError
from tracekit.load.peek import is_json, peek, refuse, unzipped
from tracekit.model.trace import Trace
from tracekit.spool.layout import MAGIC

Progress = Callable[[int, int], None]


def load(
    path: str | os.PathLike[str], progress: Progress | None = None, alive: Mapping[int, int] | None = None
) -> Trace:
    """Loads a session (a directory, or one spool of it) or a trace file.

    Args:
        path: what to load; its content decides what it is, not its name (but for `.spool`).
        progress: called with the bytes read so far and the bytes to read, while a session or another tool's file is read.
        alive: of a session that goes on, the processes that are running: by pid, when that was seen (CLOCK_MONOTONIC, ns).
            What is open in them is drawn up to there.

    Raises:
        TracekitError: there is no such thing, or it is nothing that tracekit can read.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        directory = stat.S_ISDIR(mode)
        packed = peek(path) if stat.S_ISREG(mode) else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TracekitError(f"{path} cannot be read: {reason}; give a trace file or a session's directory") from error
    if not directory and not stat.S_ISREG(mode):
        raise TracekitError(
            f"{path} is a pipe, socket or device, of which no end can be seen; write it to a file first"
        )
    # Late, so that a report of a trace file does not wait for what reads sessions, and the other way round.
    if directory or path.suffix == ".spool" or packed[:8] == MAGIC.to_bytes(8, "little"):
        from tracekit.load.session import load as load_session

        return load_session(path, progress, alive)
    if not packed:
        raise TracekitError(f"{path} is empty, so nothing was written to it; record it again with `tracekit run`")
    return _load_file(path, unzipped(packed), progress)


def _load_file(path: Path, first: bytes, progress: Progress | None) -> Trace:
    """Loads a trace file whose content begins with `first`."""
    from tracekit.load import pftrace
    from tracekit.load.chrome_json import HEAD
    from tracekit.load.chrome_json import load as load_own
    from tracekit.load.foreign import chrome, collapsed

    if first.startswith(HEAD):
        return load_own(path)
    if reason := refuse(first):
        raise TracekitError(f"{path} {reason}")
    if is_json(first):
        return chrome.load(path, progress)
    if pftrace.is_pftrace(first):
        return pftrace.load(path)
    if collapsed.looks_like(first):
        return collapsed.load(path, progress)
    if not first:
        raise TracekitError(f"{path} is a gzip that is damaged or cut off at its very beginning; take a complete copy")
    raise TracekitError(
        f"{path} is neither JSON, gzip nor a session of tracekit, and no trace of another tool that it knows; "
        "give what `tracekit run` wrote, any Chrome JSON, or py-spy's raw format"
    )
