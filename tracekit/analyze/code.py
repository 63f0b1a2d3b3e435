"""Whose code a file is: the user's, a library's or Python's own. Knows only paths, for the file may be elsewhere.

What lies in a folder named site-packages or dist-packages is a library; what lies in Python's own lib folder or is
frozen into it is the standard library; everything else is the user's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath


class Owner(Enum):
    """Who answers for a piece of code."""

    USER = "user"
    LIBRARY = "library"
    STANDARD = "standard library"


@dataclass(frozen=True, slots=True)
class Library:
    """A library by its import name, and its version where it is installed on this machine as well; else ""."""

    name: str
    version: str


_INSTALLED = re.compile(r".*/(?:site|dist)-packages/")
_STANDARD = re.compile(r"<frozen |.*/lib(?:64)?/(?:python3\.\d+t?|python3\d+\.zip)/")


def owner(file: str) -> Owner:
    """Whose code `file` is; a place without a file, such as "<string>" (python -c), is the user's."""
    path = file.replace("\\", "/")
    if _INSTALLED.match(path):
        return Owner.LIBRARY
    if _STANDARD.match(path):
        return Owner.STANDARD
    return Owner.USER


def library(file: str) -> Library | None:
    """The library that an installed file belongs to, or None if it is not an installed one."""
    path = file.replace("\\", "/")
    installed = _INSTALLED.match(path)
    if installed is None:
        return None
    folder = PurePosixPath(installed.group())
    name = PurePosixPath(path[installed.end() :]).parts[0].removesuffix(".py")
    return Library(name, _version(folder, name))


def _version(folder: PurePosixPath, name: str) -> str:
    """The version that the library's dist-info beside it bears in its name, where "-" and "." may stand for "_"."""
    wanted = re.sub(r"[-_.]+", "_", name).lower()
    try:
        entries = [entry.name for entry in Path(folder).glob("*.dist-info")]
    except OSError:
        return ""
    for entry in sorted(entries):
        project, _, version = entry.removesuffix(".dist-info").rpartition("-")
        if re.sub(r"[-_.]+", "_", project).lower() == wanted:
            return version
    return ""
