"""Entry: whether tracekit can ride into a program that is about to start, judged by its command line and environment.

Knows how the bootstrap gets in (PYTHONPATH, which some options and environments rule out), and nothing of processes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SESSION_VARIABLE = "TRACEKIT_SESSION"
OPTIONS_VARIABLE = "TRACEKIT_OPTIONS"

_CLOSING_OPTIONS = {
    "I": "it was started with -I (isolated mode), which ignores PYTHONPATH",
    "E": "it was started with -E, which ignores PYTHONPATH",
    "S": "it was started with -S, which leaves out the site module",
}


def why_not_entered(command: Sequence[str], executable: str, environment: Iterable[bytes | str] | None) -> str:
    """Why a Python that is started so will not be traced; "" where it will be, or where it is no Python.

    Args:
        command: its argv.
        executable: the file that is run.
        environment: "KEY=value" entries (only the keys matter), or None for an inherited environment.
    """
    if not os.path.basename(executable or (command[0] if command else "")).startswith("python"):
        return ""
    if environment is not None:
        keys = {(entry if isinstance(entry, bytes) else os.fsencode(entry)).partition(b"=")[0] for entry in environment}
        if SESSION_VARIABLE.encode() not in keys or b"PYTHONPATH" not in keys:
            return "it was started with an environment that leaves out tracekit's variables"
    elif SESSION_VARIABLE not in os.environ:
        return "tracekit's variables were taken out of the environment"
    for word in command[1:]:
        if not word.startswith("-") or word.startswith("--") or word == "-":
            break
        for letter in word[1:]:
            if letter in _CLOSING_OPTIONS:
                return _CLOSING_OPTIONS[letter]
            if letter in "cmWX":  # the rest of the word, or the next one, is the option's value
                break
        if word[1:2] in ("c", "m"):
            break
    return ""
