"""Joining: several `tracekit run` that record into one session. Knows the session's directory, and nothing of traces.

Inside of a session that tracekit leads (an outer `tracekit run`, `tk.start`) an inner `tracekit run` becomes its program, which
records there as any other: its leader writes the trace. Where the user names a session by TRACEKIT_SESSION, all of his
`tracekit run` are its members, and whichever ends last writes the trace.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from tracekit.errors import TracekitError, UsageError
from tracekit.hooks.entry import OPTIONS_VARIABLE, SESSION_VARIABLE
from tracekit.options import Options, environment
from tracekit.record import recorder as recording
from tracekit.spool import directory as session_directory

_MEMBERS = session_directory.DESCRIPTION + ".members"
_TURN = session_directory.DESCRIPTION + ".turn"


def outer() -> str:
    """The session that tracekit has put this process into, if that goes on; "" for none."""
    directory = os.environ.get(SESSION_VARIABLE, "")
    return directory if OPTIONS_VARIABLE in os.environ and os.path.isdir(directory) else ""


def named() -> str:
    """The session that the user has named for this process; "" for none."""
    directory = os.environ.get(SESSION_VARIABLE, "")
    return os.path.abspath(directory) if directory and OPTIONS_VARIABLE not in os.environ else ""


def become(command: Sequence[str], directory: str) -> NoReturn:
    """Become a program that records into a session which somebody else leads.

    Args:
        command: its argv.
        directory: of the session.

    Raises:
        UsageError: it cannot be executed.
    """
    env = dict(os.environ)
    if recording.current is None:  # we were not entered, and so would it not be
        env = environment(directory, Options.from_text(env.get(OPTIONS_VARIABLE, "")), env)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, for itself
        signal.signal(ignored, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    try:
        os.execvpe(command[0], list(command), env)
    except OSError as error:
        raise UsageError(f"cannot run {command[0]}: {error.strerror}") from None


class Membership:
    """A session that several `tracekit run` share; this one is a member from now on, until it ends.

    Attributes:
        directory: of the session.
        output: the trace that it is to become.
        description: of what this member runs.

    Args:
        directory: absolute; made if it is not there.
        output: what was asked for, or "".
        program, command: what this member runs.

    Raises:
        TracekitError: the directory cannot be made, or holds a session that nobody finished.
    """

    def __init__(self, directory: str, output: str, program: str, command: Sequence[str]) -> None:
        self.directory = directory
        self._fd = _join(directory)
        try:
            with session_directory.lock(directory):
                about = session_directory.read(directory)
                asked = about.get("output_path")
                self.output = output or (asked if isinstance(asked, str) else _free(directory))
                self.description: dict[str, Any] = session_directory.describe(
                    directory, self.output, program, command, member=bool(about)
                )
                self.description["output_path"] = self.output
                session_directory.write(directory, self.description)
        except BaseException:
            os.close(self._fd)
            raise

    def is_last(self) -> bool:
        """Give the membership up; whether nobody else is a member, and so the session is this one's to finish."""
        with session_directory.lock(self.directory):
            return _flock(self._fd, fcntl.LOCK_EX)


class Turn:
    """The turn to watch a session, which one member at a time does; it ends with the process at the latest.

    Args:
        directory: of the session.
    """

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, _TURN)
        self._fd = -1

    def take(self) -> bool:
        """Take it, unless another process has it."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError:
                return False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
        return True

    def close(self) -> None:
        """Give it back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _join(directory: str) -> int:
    """Become a member; returns what holds the membership until it is closed."""
    while True:
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            fd = os.open(os.path.join(directory, _MEMBERS), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # whoever has finished it has removed it just now
            continue
        except OSError as error:
            raise TracekitError(f"cannot record into {directory}: {error.strerror}; see {SESSION_VARIABLE}") from None
        with session_directory.lock(directory):
            if _is_there(fd, directory):
                if _flock(fd, fcntl.LOCK_EX) and session_directory.read(directory):
                    os.close(fd)
                    session_directory.refuse(directory)
                if _flock(fd, fcntl.LOCK_SH):
                    return fd
        # Somebody finishes the session at this moment.
        fcntl.flock(fd, fcntl.LOCK_SH)
        os.close(fd)


def _is_there(fd: int, directory: str) -> bool:
    """Whether an open file is still the one of its name."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(os.path.join(directory, _MEMBERS)))
    except OSError:
        return False


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(directory: str) -> str:
    """A name for the trace that no file has: an earlier session there may have left one."""
    stem = directory.removesuffix(session_directory.SUFFIX)
    number, path = 1, f"{stem}.json.gz"
    while os.path.exists(path):
        number += 1
        path = f"{stem}-{number}.json.gz"
    return path
