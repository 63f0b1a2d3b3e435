"""Finds a workload by what people call it: a built-in's name, a module's, a file's. Knows nothing of how it is run.

Light: it runs in the measured child, before the measuring.
"""

from __future__ import annotations

import os
import sys

from tracekit.compare.failure import told
from tracekit.errors import TracekitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_BUILTIN = "tracekit.compare.builtin"
_DEFAULT = "workload"
_files: dict[
    str, str
] = {}  # the modules that were loaded from a file, by name; worker processes need them by the same names


class Found:
    """A workload that was found.

    Args:
        name: short, for tables.
        function: takes the scale; returns or yields its tasks.
        doc: the first line of what it says of itself, or "".
        where: the file it stands in.
    """

    __slots__ = ("doc", "function", "name", "where")

    def __init__(self, name: str, function: Callable[[float], Any], doc: str, where: str) -> None:
        self.name = name
        self.function = function
        self.doc = doc
        self.where = where


def find(spec: str) -> Found:
    """The workload that `spec` names.

    Args:
        spec: a built-in's name, `module:name`, `file.py` or `file.py:name`; without a name, it is called "workload".

    Raises:
        UsageError: there is none.
        TracekitError: its module failed when it was imported.
    """
    target, name = _parts(spec)
    if target.endswith(".py"):
        return _found(spec, load(target), name, os.path.basename(target)[: -len(".py")])
    if ":" not in spec and target.replace("-", "_") in _builtin_files():
        return _found(spec, _module(f"{_BUILTIN}.{target.replace('-', '_')}"), name, target)
    if ":" not in spec and not _is_module(target):
        raise UsageError(
            f"no workload is called {spec!r}: built in are {', '.join(builtins())}; your own are named by file.py or module:name"
        )
    return _found(spec, _module(target), name, target)


def builtins() -> dict[str, str]:
    """The names of the built-in workloads, and the first line of what each says of itself; imports none of them."""
    return {name.replace("_", "-"): _says(path) for name, path in sorted(_builtin_files().items())}


def files() -> list[tuple[str, str]]:
    """The modules that were loaded from a file here, as (name, path): what a worker process has to `load_again`."""
    return list(_files.items())


def load_again(known: list[tuple[str, str]]) -> None:
    """In a worker process: load what its parent had loaded from files, where that did not come along; each once."""
    for name, path in known:
        if name not in sys.modules:
            _load_as(name, path)


def load(path: str) -> ModuleType:
    """The module in a file, as a script finds its neighbours: its directory comes first on sys.path. Loaded once.

    Raises:
        UsageError: there is no such file.
        TracekitError: it failed when it was imported.
    """
    whole = os.path.abspath(path)
    if not os.path.isfile(whole):
        raise UsageError(
            f"there is no file {path}: name a file that has a workload in it, or a module as package.module:name"
        )
    for name, known in _files.items():
        if known == whole and name in sys.modules:
            return sys.modules[name]
    return _load_as(_free_name(os.path.basename(whole)[: -len(".py")]), whole)


def _parts(spec: str) -> tuple[str, str]:
    if ":" not in spec:
        return spec, _DEFAULT
    target, _, name = spec.rpartition(":")
    if not target or not name.isidentifier():
        raise UsageError(f"{spec!r} names no workload: write module:name, file.py or file.py:name")
    return target, name


def _found(spec: str, module: ModuleType, name: str, short: str) -> Found:
    function = getattr(module, name, None)
    where = str(getattr(module, "__file__", None) or module.__name__)
    if not callable(function):
        raise UsageError(
            f"{where} has no function {name}(scale), which {spec!r} asks for; name another one after a colon"
        )
    doc = str(function.__doc__ or module.__doc__ or "").strip().partition("\n")[0]
    return Found(short if name == _DEFAULT else f"{short}:{name}", function, doc, where)


def _module(name: str) -> ModuleType:
    from importlib import import_module

    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    if not _is_name(name):
        raise UsageError(f"{name!r} names no module: write package.module:name, or with .py, file.py:name")
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:
        is_elsewhere = isinstance(error, ModuleNotFoundError) and error.name in (name, *_above(name))
        hint = "; modules are looked for in the working directory and on PYTHONPATH" if is_elsewhere else ""
        raise TracekitError(f"workload module {name} {_failed(error)}{hint}") from error


def _is_module(name: str) -> bool:
    from importlib.util import find_spec

    if not _is_name(name):
        return False
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _is_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _above(name: str) -> list[str]:
    """The packages that a module is in."""
    parts = name.split(".")
    return [".".join(parts[:many]) for many in range(1, len(parts))]


def _failed(error: BaseException) -> str:
    """What an import came to, in words."""
    if isinstance(error, SystemExit):
        return f"ends the program when it is imported (exit {error.code if error.code is not None else 0})"
    return f"cannot be imported: {told(error)}"


def _in_package(path: str) -> str:
    """How to name a file whose imports only work as a part of its package; "" where it is in none."""
    directory, name = os.path.split(path[: -len(".py")])
    while os.path.isfile(os.path.join(directory, "__init__.py")):
        directory, package = os.path.split(directory)
        name = f"{package}.{name}"
    return f"; as it is part of a package, name it {name}:name, in {directory}" if "." in name else ""


def _free_name(stem: str) -> str:
    """A name under which nothing else can be imported, so that a function is pickled by it and found again."""
    wanted = "".join(letter if letter.isalnum() else "_" for letter in stem)
    name, number = wanted, 1
    while name in sys.modules or _is_module(name):
        number += 1
        name = f"{wanted}_{number}"
    return name


def _load_as(name: str, path: str) -> ModuleType:
    from importlib.util import module_from_spec, spec_from_file_location

    beside = os.path.dirname(path)
    if beside not in sys.path:
        sys.path.insert(0, beside)
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    _files[name] = path
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name], _files[name]
        is_relative = isinstance(error, ImportError) and "no known parent package" in str(error)
        hint = _in_package(path) if is_relative else ""
        raise TracekitError(f"workload file {path} {_failed(error)}{hint}") from error
    return module


def _builtin_files() -> dict[str, str]:
    directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "builtin")
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return {
        name[: -len(".py")]: os.path.join(directory, name) for name in names if name.endswith(".py") and name[0] != "_"
    }


def _says(path: str) -> str:
    import ast

    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == _DEFAULT]
    text = (functions and ast.get_docstring(functions[0])) or ast.get_docstring(tree) or ""
    return text.partition("\n")[0]
