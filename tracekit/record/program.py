"""Program: what runs in this process, by its command line, and what its threads are called. Knows no recorder."""

from __future__ import annotations

import os
import sys

from tracekit import events
from tracekit.spool import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracekit.spool.buffer import Details

COMMAND_CHARACTERS = 1500

_HELPER = "from multiprocessing."


def command() -> Sequence[str]:
    """The command line of this process."""
    return getattr(sys, "orig_argv", None) or getattr(sys, "argv", None) or [sys.executable or "python"]


def process_details(words: Sequence[str], intern: Callable[[str], int]) -> Details:
    """What PROCESS_BEGIN tells of this process, as details.

    Args:
        words: its command line.
        intern: gives the id of a name.
    """
    details: Details = []
    for key, text in (
        ("command", " ".join(words)),
        ("python", ".".join(map(str, sys.version_info[:3]))),
        ("executable", sys.executable or ""),
    ):
        details += texts.encode(events.ARG_TEXT, intern(key), text, COMMAND_CHARACTERS)
    return details


def program_name(words: Sequence[str]) -> str:
    """What a user would call a process: the script, the module, or the program itself.

    Args:
        words: its command line.
    """
    rest = iter(words[1:])
    for word in rest:
        if word in ("-m", "-c"):
            code = next(rest, "")
            # The helpers that multiprocessing starts: its fork server, its resource tracker, its children until they have a name.
            return code.split()[1] if word == "-c" and code.startswith(_HELPER) else f"{word} {code}"[:60]
        if word in ("-W", "-X"):
            next(rest, "")
        elif not word.startswith("-"):
            return os.path.basename(word)
    return os.path.basename(words[0])


def thread_name(ident: int, main: bool) -> str:
    """The name of a thread that is there, as `threading` has it.

    Args:
        ident: as `get_ident` gives it.
        main: it is the process's first one.
    """
    threading = sys.modules.get("threading")
    thread = getattr(threading, "_active", {}).get(ident)
    if thread is not None:
        return str(thread.name)
    return "MainThread" if main else "Thread"
