"""The directory of a session: made, described, looked into, removed. Knows of a spool no more than its header.

`session.json` in it says what was run and how it ended; what reads a session does well to manage without it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
from contextlib import contextmanager
from itertools import count, takewhile

from tracekit import clock
from tracekit.errors import TracekitError
from tracekit.spool import beside, core, layout
from tracekit.spool.headers import is_alive, is_ours, is_programs, read_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

SUFFIX = ".tracekit"
SPOOL = ".spool"
CALLS = "-calls-"  # viztracer's own files, each beside the spool of its process: SPOOLSTEM-calls-1.json
DESCRIPTION = "session.json"
OUTPUTS = (".json", ".json.gz", ".pftrace", ".pftrace.gz")


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
        raise TracekitError(f"cannot write {output}: its name must end in {', '.join(OUTPUTS[:-1])} or {OUTPUTS[-1]}")
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
    return re.sub(r"\.(json|pftrace)(\.gz)?$", "", output) + SUFFIX


def output_of(directory: str) -> str:
    """What a session is to become: STEM beside it, wherever it lies now, in the format that was asked for."""
    asked = read(directory).get("output")
    fitting = (ending for ending in OUTPUTS if isinstance(asked, str) and asked.endswith(ending))
    ending = next(fitting, ".json.gz")
    return directory.removesuffix(SUFFIX) + ending


def create(directory: str) -> None:
    """Make a session's directory, readable by nobody else.

    Raises:
        TracekitError: it is there already (an unfinished session is never overwritten), or cannot be made.
    """
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        refuse(directory)
    except OSError as error:
        raise TracekitError(f"cannot make {directory}: {error.strerror}; choose another place with -o") from None


def refuse(directory: str) -> NoReturn:
    """Say that a session is there already.

    Raises:
        TracekitError: always.
    """
    raise TracekitError(
        f"{directory} is there already: a session that is running or was never finished; "
        f"`tracekit recover {directory}` makes a trace of it, or remove it"
    ) from None


def describe(directory: str, output: str, program: str, command: Sequence[str], member: bool = False) -> dict[str, Any]:
    """Write the description of a session that begins now, and return it.

    Args:
        output: the trace that it is to become.
        program, command: what is run, by name and as it is.
        member: others have begun it, and this is one program more in it, with a description beside theirs.
    """
    monotonic, wall = clock.anchor()
    description: dict[str, Any] = {
        "schema": 1,
        "output": os.path.basename(output),
        "program": program,
        "command": list(command),
        "python": sys.executable,
        "cores": _cores(),
        "leader_pid": os.getpid(),
        "member": member,
        "child_pid": None,
        "started_monotonic": monotonic,
        "started_wall": wall,
        "ended_monotonic": None,
        "ended_wall": None,
        "exit_status": None,  # as a shell says it
        "status": None,  # as Process.status
        "untraced": "",
        "anchors": [],
    }
    set_anchor(description)
    write(directory, description)
    return description


def _cores() -> int:
    """How many processors this process and its children may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 0


def set_anchor(description: dict[str, Any]) -> None:
    """Note what the clock of the records shows now, and CLOCK_MONOTONIC; nothing where they are the same."""
    if core.Buffer(lambda _: None).clock != layout.CLOCK_MONOTONIC_NS:
        description["anchors"].append(list(core.pair()))


def write(directory: str, description: dict[str, Any]) -> None:
    """Write a description down, whole or not at all."""
    path = os.path.join(directory, DESCRIPTION)
    if description.get("member"):
        path += f".{description['leader_pid']}"
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


def calls_file(spool: str, number: int) -> str:
    """Where viztracer writes the calls of a process: beside its spool, and in several parts where it has to."""
    return f"{spool.removesuffix(SPOOL)}{CALLS}{number}.json"


def calls_files(spool: str) -> list[str]:
    """What viztracer wrote of a process, in order."""
    paths = (calls_file(spool, number) for number in count(1))
    return list(takewhile(os.path.isfile, paths))


def all_calls(directory: str) -> list[str]:
    """What viztracer wrote of all processes of a session.

    Raises:
        TracekitError: the directory cannot be read.
    """
    return [os.path.join(directory, entry) for entry in _entries(directory) if CALLS in entry]


def unread(directory: str) -> list[str]:
    """The names of the spools that this version cannot read although they hold something."""
    return [
        os.path.basename(path) for path in spools(directory) if not is_ours(read_header(path)) and not _is_blank(path)
    ]


def running(directory: str) -> list[int]:
    """The pids of the program's processes that still record into a session."""
    return [
        header[layout.H_PID]
        for header in map(read_header, spools(directory))
        if is_programs(header) and header[layout.H_ENDED] == layout.ENDED_NOT and is_alive(header)
    ]


@contextmanager
def lock(directory: str, wait: bool = True) -> Iterator[bool]:
    """Keeps others who ask for it from reading or removing a session at the same time.

    Args:
        wait: until whoever holds it is done.

    Yields:
        Whether it is held; without `wait` it may not be.
    """
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # gone: whoever wanted it will find out
        yield True
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except BlockingIOError:
            held = False
        except OSError:  # a file system without locks
            held = True
        yield held
    finally:
        os.close(fd)


def dump_of(directory: str) -> str:
    """A file for the next dump of a session, beside it, made already so that nobody else takes its name.

    Raises:
        TracekitError: it cannot be made.
    """
    stem = directory.removesuffix(SUFFIX)
    number = 1
    while True:
        path = check_output(f"{stem}-dump-{number}.json.gz")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            return path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise TracekitError(f"cannot write {path}: {error.strerror}; use -o") from None


def remove(directory: str) -> None:
    """Remove a session, and nothing that is not a session's.

    Raises:
        TracekitError: a file in it cannot be removed.
    """
    with lock(directory):
        for entry in _entries(directory):
            if entry.endswith(SPOOL) or entry.startswith((DESCRIPTION, beside.PREFIX)) or CALLS in entry:
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


def _is_blank(path: str) -> bool:
    """Whether there is nothing to lose: the process was killed while it made its spool, whose first word is written last."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(layout.HEADER_BYTES + 1)
    except OSError:
        return False
    return len(beginning) <= layout.HEADER_BYTES and not any(beginning[:8])
