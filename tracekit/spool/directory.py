"""The directory of a session: made, described, looked into, removed. Knows of a spool no more than its header.

`session.json` in it says what was run and how it ended; what reads a session does well to manage without it.
"""

from __future__ import annotations

import json
import os
import re

from tracekit import clock
from tracekit.errors import TracekitError
from tracekit.spool import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SUFFIX = ".tracekit"
SPOOL = ".spool"
DESCRIPTION = "session.json"
OUTPUTS = (".json", ".json.gz")


def check_output(output: str) -> str:
    """Make sure that a trace can be written to `output`; returns its absolute path.

    Directories that are missing are made.

    Raises:
        TracekitError: no known format, no directory, not writable.
    """
    if output.endswith(os.sep) or os.path.isdir(output):
        raise TracekitError(f"cannot write {output}: that is a directory; name a file in it")
    path = os.path.abspath(output)
    if not path.endswith(OUTPUTS):
        raise TracekitError(f"cannot write {output}: its name must end in {' or '.join(OUTPUTS)}")
    if "\0" in path:
        raise TracekitError(f"cannot write {output!r}: no file name holds a null character; choose another")
    parent = os.path.dirname(path)
    try:
        os.makedirs(parent, exist_ok=True)
    except OSError as error:
        raise TracekitError(f"cannot write {output}: {parent} cannot be made ({error.strerror}); use -o") from None
    writable = os.access(path, os.W_OK) if os.path.exists(path) else True
    if not writable or not os.access(parent, os.W_OK | os.X_OK):
        raise TracekitError(f"cannot write {output}: no permission to write in {parent}; choose another place with -o")
    return path


def session_of(output: str) -> str:
    """The directory of the session that becomes `output`: STEM.tracekit beside it."""
    return re.sub(r"\.json(\.gz)?$", "", output) + SUFFIX


def create(directory: str) -> None:
    """Make a session's directory, readable by nobody else.

    Raises:
        TracekitError: it is there already (an unfinished session is never overwritten), or cannot be made.
    """
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        raise TracekitError(
            f"{directory} is there already: a session that is running or was never finished; "
            f"`tracekit recover {directory}` makes a trace of it, or remove it"
        ) from None
    except OSError as error:
        raise TracekitError(f"cannot make {directory}: {error.strerror}; choose another place with -o") from None


def describe(directory: str, program: str, command: Sequence[str]) -> dict[str, Any]:
    """Write the description of a session that begins now, and return it."""
    monotonic, wall = clock.anchor()
    description: dict[str, Any] = {
        "schema": 1,
        "program": program,
        "command": list(command),
        "child_pid": None,
        "started_monotonic": monotonic,
        "started_wall": wall,
        "ended_monotonic": None,
        "ended_wall": None,
        "exit_status": None,
        "untraced": "",
    }
    write(directory, description)
    return description


def write(directory: str, description: dict[str, Any]) -> None:
    """Write a description down, whole or not at all."""
    path = os.path.join(directory, DESCRIPTION)
    temporary = path + ".new"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(description, file)
        os.chmod(temporary, 0o600)
        os.replace(temporary, path)
    except OSError:  # a full disk: the spools tell nearly everything
        pass


def read(directory: str) -> dict[str, Any]:
    """The description of a session; {} where there is none that can be read."""
    try:
        with open(os.path.join(directory, DESCRIPTION), encoding="utf-8") as file:
            description = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return description if isinstance(description, dict) else {}


def spools(directory: str) -> list[str]:
    """The paths of a session's spools.

    Raises:
        TracekitError: the directory cannot be read.
    """
    paths = (os.path.join(directory, entry) for entry in _entries(directory) if entry.endswith(SPOOL))
    return [path for path in paths if os.path.isfile(path)]


def unread(directory: str) -> list[str]:
    """The names of the spools that this version cannot read although they hold something."""
    return [os.path.basename(path) for path in spools(directory) if not _is_ours(_header(path)) and not _is_blank(path)]


def running(directory: str) -> list[int]:
    """The pids of the processes that still record into a session."""
    headers = map(_header, spools(directory))
    return [
        header[layout.H_PID]
        for header in headers
        if _is_ours(header)
        and header[layout.H_ENDED] == layout.ENDED_NOT
        and _is_alive(header[layout.H_PID], header[layout.H_START_TICKS])
    ]


def remove(directory: str) -> None:
    """Remove a session, and nothing that is not a session's.

    Raises:
        TracekitError: a file in it cannot be removed.
    """
    for entry in _entries(directory):
        if entry.endswith(SPOOL) or entry.startswith(DESCRIPTION):
            try:
                os.unlink(os.path.join(directory, entry))
            except OSError as error:
                raise TracekitError(f"cannot remove {directory}: {error.strerror}; remove it by hand") from None
    try:
        os.rmdir(directory)
    except OSError:  # somebody keeps something of their own in it
        pass


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError as error:
        raise TracekitError(f"cannot read {directory}: {error.strerror}; check its permissions") from None


def _header(path: str) -> list[int]:
    """The words of a spool's header, as many as there are; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(layout.HEADER_WORDS * 8)
    except OSError:
        return []
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


def _is_ours(header: list[int]) -> bool:
    return (
        len(header) == layout.HEADER_WORDS
        and header[layout.H_MAGIC] == layout.MAGIC
        and header[layout.H_VERSION] == layout.VERSION
    )


def _is_blank(path: str) -> bool:
    """Whether there is nothing to lose: the process was killed while it made its spool, whose first word is written last."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(layout.HEADER_BYTES + 1)
    except OSError:
        return False
    return len(beginning) <= layout.HEADER_BYTES and not any(beginning[:8])


def _is_alive(pid: int, start_ticks: int) -> bool:
    """Whether a process is the one that began then, and neither gone nor a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0] not in (b"Z", b"X") and int(fields[19]) == start_ticks
    except (OSError, ValueError, IndexError):
        return False
