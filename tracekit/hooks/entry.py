"""Entry: whether tracekit can ride into a program that is about to start, judged by its command line and environment.

Knows how the bootstrap gets in (PYTHONPATH, which some options and environments rule out), and nothing of processes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOOTSTRAP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bootstrap")
SESSION_VARIABLE = "TRACEKIT_SESSION"
OPTIONS_VARIABLE = "TRACEKIT_OPTIONS"

_CLOSING_OPTIONS = {
    "I": "it was started with -I (isolated mode), which ignores PYTHONPATH",
    "E": "it was started with -E, which ignores PYTHONPATH",
    "S": "it was started with -S, which leaves out the site module",
}


def why_not_entered(command: Sequence[str], executable: str, environment: Mapping[str, str]) -> str:
    """Why a Python that is started so will not be traced; "" where it will be, or where it is no Python.

    Args:
        command: its argv.
        executable: the file that is run.
        environment: its environment.
    """
    if not os.path.basename(executable or (command[0] if command else "")).startswith("python"):
        return ""
    if SESSION_VARIABLE not in environment:
        return "it was started with an environment that leaves out tracekit's variables"
    if BOOTSTRAP not in environment.get("PYTHONPATH", "").split(os.pathsep):
        return "it was started with a PYTHONPATH of its own, without tracekit's folder"
    return _closing_option(command)


def _closing_option(command: Sequence[str]) -> str:
    words = iter(command[1:])
    for word in words:
        if not word.startswith("-") or word.startswith("--") or word == "-":
            break
        for at, letter in enumerate(word[1:], 2):
            if letter in _CLOSING_OPTIONS:
                return _CLOSING_OPTIONS[letter]
            if letter in "cm":  # what follows is the program's
                return ""
            if letter in "WX":  # the rest of the word, or the next one, is the option's value
                if at == len(word):
                    next(words, "")
                break
    return ""
