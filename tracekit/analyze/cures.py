"""Cures: what to do about a call that blocks a loop, by what was called. Knows calls and advice, and no trace.

What was called, a stack does not always say: functions written in C have no frame. Then the line that called them does,
where its file can be read.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from tracekit.analyze import code
from tracekit.analyze.place import Place
from tracekit.analyze.stacks import PARTS

_LARGEST_FILE = 4 << 20

_TO_THREAD = "`await asyncio.to_thread(...)`"
_PROCESSES = "`await loop.run_in_executor(ProcessPoolExecutor(), ...)`"


class _Call(NamedTuple):
    """Calls that are cured alike: libraries and modules of Python by name, the line that calls them, and what to do."""

    unlike: str  # the verdict under which it is something else that took so long
    names: frozenset[str]
    line: re.Pattern[str] | None
    advice: str


def _waits(names: str, line: str, advice: str) -> _Call:
    return _Call("cpu", frozenset(names.split()), re.compile(line) if line else None, advice)


def _computes(names: str, line: str, advice: str) -> _Call:
    return _Call("syscall", frozenset(names.split()), re.compile(line) if line else None, advice)


def _either(names: str, line: str, advice: str) -> _Call:
    return _Call("", frozenset(names.split()), re.compile(line) if line else None, advice)


_CALLS = (
    _waits("", r"\bsleep\(", "`time.sleep` stops the whole loop: write `await asyncio.sleep(...)`."),
    _waits(
        "requests urllib urllib3 http httplib2 botocore boto3",
        r"\b(?:requests\.|urlopen\()",
        f"This HTTP client waits in its own thread: use an asynchronous one (httpx, aiohttp), or {_TO_THREAD} around the call.",
    ),
    _either(
        "sqlite3 peewee",
        r"\bsqlite3\b|\bexecutemany\(|\bexecutescript\(|\bexecute\(|\bfetch(?:all|one|many)\(|\.commit\(",
        "This database call waits in its own thread: use an asynchronous driver (aiosqlite, asyncpg), "
        f"or {_TO_THREAD} around it.",
    ),
    _either(
        "psycopg2 psycopg pymysql MySQLdb pymongo redis sqlalchemy",
        "",
        f"This database call waits in its own thread: use the driver's asynchronous variant, or {_TO_THREAD} around it.",
    ),
    _waits(
        "subprocess",
        r"\bsubprocess\.|\bos\.(?:system|popen|wait\w*)\(",
        "Waiting for another program stops the whole loop: write `await asyncio.create_subprocess_exec(...)`.",
    ),
    _waits(
        "socket ssl socketserver smtplib ftplib imaplib poplib telnetlib",
        r"\.(?:recv|recv_into|recvfrom|sendall|accept|connect)\(|\bgetaddrinfo\(|\bgethostby",
        "This socket blocks: use asyncio's streams or `loop.sock_...`, an asynchronous client, "
        f"or {_TO_THREAD} around the call.",
    ),
    _waits(
        "queue",
        "",
        "A `queue.Queue` waits with its thread: between coroutines use `asyncio.Queue`, and "
        f"{_TO_THREAD} around `get` or `put` towards threads.",
    ),
    _waits(
        "threading",
        r"\.acquire\(|\.join\((?:timeout|\))",
        f"A lock of `threading` waits with its thread: between coroutines use asyncio's, and {_TO_THREAD} "
        "where another thread must be waited for.",
    ),
    _waits(
        "concurrent",
        r"\.result\(",
        "`result()` of an executor's future waits with its thread: write `await asyncio.wrap_future(...)`, "
        "or `await loop.run_in_executor(...)`.",
    ),
    _computes(
        "hashlib zlib gzip bz2 lzma",
        r"\bhashlib\.|\b(?:sha\d+|md5|blake2\w|pbkdf2_hmac|scrypt)\(|\b(?:zlib|gzip|bz2|lzma)\.|\.hexdigest\(|\.digest\(",
        f"This gives up the GIL while it computes, so a thread is enough: {_TO_THREAD} around it.",
    ),
    _computes(
        "re",
        r"\bre\.|\.(?:match|fullmatch|search|findall|finditer|sub|subn)\(",
        "A regular expression holds the GIL until it is done, so a thread does not help: look whether the pattern backtracks "
        f"without end (nested repetitions), or give it to a process pool, {_PROCESSES}.",
    ),
    _computes(
        "json pickle",
        r"\b(?:json|pickle|marshal|orjson|ujson)\.|\bsorted\(|\.sort\(|\b(?:sum|min|max)\(",
        f"This holds the GIL until it is done, so a thread does not help: give it to a process pool, {_PROCESSES}, "
        "or take smaller pieces with an await in between.",
    ),
    _either(
        "pathlib shutil tempfile glob",
        r"\bopen\(|\.(?:read|readlines|write|writelines|read_text|read_bytes|write_text|write_bytes|fsync)\(|\bshutil\.",
        f"Files cannot be awaited: {_TO_THREAD} around what reads or writes them.",
    ),
)

_BY_VERDICT = {
    "cpu": "While this computes, its loop can run nothing else: give it to a process pool, "
    f"{_PROCESSES} (a thread would hold the GIL as well), or put an await into the long stretch.",
    "syscall": "While this waits, its loop can run nothing else: use what can be awaited in its place, "
    f"or {_TO_THREAD} around it.",
    "gil": "The loop's thread waited for the GIL: give what the other threads compute to processes, "
    "or make their long calls ones that release the GIL.",
    "preempted": "No code is to blame: other programs had the processor. Run fewer processes or threads than there are "
    "cores, give the program more of them (a container's CPU limit), or look at what else the machine does.",
}


_UNLOCKED = f"This computes without the GIL, as was seen, so a thread is enough: {_TO_THREAD} around it."


def cure(verdict: str, stack: tuple[Place, ...], user: int, unlocked: bool = False) -> str:
    """What to do about a block; "" where nothing special is known.

    Args:
        verdict: on it.
        stack: sampled in it, innermost first.
        user: which frame of it is the program's own.
        unlocked: whether it was seen to compute without the GIL.
    """
    if verdict in ("gil", "preempted"):
        return _BY_VERDICT[verdict]
    calls = [call for call in _CALLS if call.unlike != verdict]
    known = _by_names(calls, stack[:user])
    own = all(frame.is_users for frame in stack[:user])
    if not known and (own or verdict == "cpu"):  # how a library waits is not for its user to change
        known = _by_line(calls, stack)
    return known or (_UNLOCKED if unlocked and verdict == "cpu" else _BY_VERDICT.get(verdict, ""))


def _by_names(calls: list[_Call], inner: tuple[Place, ...]) -> str:
    """By what the program called, then by what that called."""
    for frame in reversed(inner):
        name = _name(frame.file)
        for call in calls:
            if name in call.names:
                return call.advice
    return ""


def _name(file: str) -> str:
    library = code.library(file)
    if library is not None:
        return library.name
    path = re.sub(r".*/(?:python3\.\d+t?|python3\d+\.zip)/", "", file.replace("\\", "/"))
    return path.partition("/")[0].removesuffix(".py")


def _by_line(calls: list[_Call], stack: tuple[Place, ...]) -> str:
    """By what the innermost line says."""
    # Of a comprehension it says what is done with the values, which is not what takes so long.
    line = _line(stack[0]) if stack and not stack[0].function.endswith(PARTS) else ""
    for call in calls if line else ():
        if call.line is not None and call.line.search(line):
            return call.advice
    return ""


def _line(frame: Place) -> str:
    """The text of a line of Python; "" where it cannot be read."""
    try:
        # A trace may name any file there is.
        if not frame.file.endswith(".py") or not os.path.isfile(frame.file):
            return ""
        if os.path.getsize(frame.file) > _LARGEST_FILE:
            return ""
        with open(frame.file, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except (OSError, ValueError):
        return ""
    return lines[frame.line - 1] if 0 < frame.line <= len(lines) else ""
