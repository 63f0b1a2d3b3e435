"""Interpreters: the other Pythons of this machine, and one that a user other than root may run. Knows no test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NOBODY = 65534

_ASK = (
    "import sys, platform; sys.stdout.write('%d %d %s' % (sys.version_info[:2] + (platform.python_implementation(),)))"
)


@cache
def pythons() -> dict[tuple[int, int], str]:
    """A CPython of each minor version there is, also old ones: on PATH, and among pyenv's."""
    folders = [Path(sys.base_prefix) / "bin"]
    folders += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"))
    found: dict[tuple[int, int], str] = {}
    for folder in folders:
        if folder.name == "shims":  # pyenv's: they answer for versions that are not switched on, too
            continue
        for candidate in sorted(folder.glob("python[23].*")):
            match = re.fullmatch(r"python(\d)\.(\d+)", candidate.name)
            version = (int(match[1]), int(match[2])) if match else None
            if version is not None and version not in found and _answers([str(candidate)]) == version:
                found[version] = str(candidate)
    return found


@cache
def supported() -> list[str]:
    """A CPython of each minor version that tracekit supports, and the system's own, which may be built otherwise (static)."""
    found = [path for version, path in sorted(pythons().items()) if version >= (3, 10)]
    system = "/usr/bin/python3"
    if (_answers([system]) or (0, 0)) >= (3, 10) and os.path.realpath(system) not in map(os.path.realpath, found):
        found.append(system)
    return found


@cache
def python_for_nobody() -> str | None:
    """A supported Python that a user without any rights may run; None where there is none, or where we may not become nobody."""
    if os.getuid() != 0:
        return None
    for candidate in (sys.executable, shutil.which("python3"), "/usr/bin/python3", "/usr/local/bin/python3"):
        if candidate and (_answers([candidate], user=NOBODY) or (0, 0)) >= (3, 10):
            return candidate
    return None


def _answers(command: list[str], user: int | None = None) -> tuple[int, int] | None:
    rights = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        result = subprocess.run(
            [*command, "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
            **rights,  # type: ignore[call-overload]
        )
    except OSError:
        return None
    words = result.stdout.split()
    return (int(words[0]), int(words[1])) if words[2:] == ["CPython"] else None
