"""The floor: what doing nothing costs, for each kind of probe; in C where there is a compiler, else in Python. Knows no probe.

`manager`, `give`, `call` and `forward` are described in floor.c, which is compiled when the benchmark starts.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).with_suffix(".c")


class Floor:
    """Four no-ops, and in `language` what they are made of."""

    def __init__(self, module: Any, language: str) -> None:
        self.language = language
        self.manager = module.manager
        self.give: Callable[..., Any] = module.give
        self.call: Callable[..., None] = module.call
        self.forward: Callable[[Any], Any] = module.forward


def load() -> Floor:
    """The floor in C; where it cannot be compiled, in Python, and `language` says why."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        return Floor(_InPython, "Python, for want of a C compiler")
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "_floor.so")
        include = [f"-I{sysconfig.get_path(kind)}" for kind in ("include", "platinclude")]
        command = [*compiler.split(), "-O3", "-shared", "-fPIC", *include, str(_SOURCE), "-o", library]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            return Floor(
                _InPython,
                f"Python, as `{compiler}` cannot compile it: {built.stderr.strip()[:200] or 'it does not say why'}",
            )
        specification = importlib.util.spec_from_file_location("_floor", library)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
    return Floor(module, "C")


class _Manager:
    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


class _InPython:
    manager = _Manager()

    @staticmethod
    def give(_name: str, **_arguments: object) -> _Manager:
        return _InPython.manager

    @staticmethod
    def call(_name: str, **_arguments: object) -> None:
        pass

    @staticmethod
    def forward(function: Callable[..., Any]) -> Callable[..., Any]:
        def forwarded(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return forwarded
