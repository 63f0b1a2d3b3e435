"""The directory of a session: made, described, marked as finished, removed. Knows no spool's content.

`session.json` in it says what was run and how it ended; what reads a session does well to manage without it.
"""

from __future__ import annotations

import json
import os
import re

from tracekit import clock
from tracekit.errors import TracekitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SUFFIX = ".tracekit"
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


def remove(directory: str) -> None:
    """Remove a session, and nothing that is not a session's."""
    for entry in os.listdir(directory):
        if entry.endswith(".spool") or entry.startswith(DESCRIPTION):
            os.unlink(os.path.join(directory, entry))
    try:
        os.rmdir(directory)
    except OSError:  # somebody keeps something of their own in it
        pass
