"""The house: who may import whom, and what every file opens with. Reads the source as text and runs nothing of it."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "tracekit"
FILES = sorted(PACKAGE.rglob("*.py"))

_BYTES = {"errors", "_version", "clock", "events", "units", "_fast", "spool"}
_MEANING = _BYTES | {"model"}
# Room -> the rooms that it may import, besides itself.
MAY_IMPORT = {
    "errors": set(),
    "_version": set(),
    "clock": set(),
    "events": set(),
    "units": {"errors"},
    "spool": _BYTES,
    "record": _BYTES,
    "observe": _BYTES,
    "model": _MEANING,
    "load": _MEANING,
    "analyze": _MEANING,
    "workload": {"errors"},
    "compare": _BYTES | {"record", "workload"},
    "predict": _MEANING | {"load", "analyze"},
    "rounds": _MEANING | {"observe", "load", "analyze", "predict", "compare", "workload"},
    "hooks": _BYTES | {"record"},
    "export": _MEANING | {"load", "analyze", "predict", "rounds"},
    "dumps": _BYTES | {"record", "hooks"},
    "capture": _BYTES | {"record"},
    "options": _BYTES | {"hooks", "capture"},
    "sessions": _BYTES | {"record", "hooks", "capture", "dumps", "options"},
    "bootstrap": {"sessions"},
    "pytest_plugin": {"errors", "units", "traced_tests"},
    "traced_tests": {"errors", "units", "recorded_tests"},
    "recorded_tests": _BYTES | {"record", "dumps", "options", "sessions"},
    "cli": _MEANING
    | {"record", "observe", "hooks", "load", "analyze", "export", "dumps", "options", "sessions"}
    | {"compare", "predict", "rounds"},
    "__init__": {"_version", "errors", "hooks", "record", "sessions"},
    "__main__": {"cli"},
}

HEAVY = (
    "numpy",
    "orjson",
    "rich",
    "click",
    "logging",
    "structlog",
    "viztracer",
    "typing",
    "dataclasses",
    "inspect",
    "asyncio",
    "json",
)


def room_of(path: Path) -> str:
    """The room that a file lies in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    """The dotted name of a file's module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Every module of the package that a file imports, anywhere in it, also for the type checker only."""
    modules = {module_of(file) for file in FILES}
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "tracekit"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tracekit":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in modules else node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_imports_only_rooms_above_its_own(path: Path) -> None:
    """Imports go down the table of rooms, and nobody inside imports the package root."""
    room = room_of(path)
    allowed = MAY_IMPORT[room] | {room}
    for module in imports_of(path):
        parts = module.split(".")
        assert len(parts) > 1, f"{module_of(path)} imports the package root"
        assert parts[1] in allowed, f"{room} must not import {module}"


def test_files_import_each_other_in_no_circle() -> None:
    """Between files there is no circle, also not through imports inside functions."""
    graph = {module_of(path): imports_of(path) - {module_of(path)} for path in FILES if path.name != "__init__.py"}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_every_file_opens_with_what_it_is(path: Path) -> None:
    """A file's docstring opens with one sentence."""
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring is not None
    assert "." in docstring.splitlines()[0] + docstring


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_private_names_stay_in_their_room(path: Path) -> None:
    """What begins with an underscore is imported by its own room only."""
    for module in imports_of(path):
        if any(part.startswith("_") for part in module.split(".")[2:]):
            assert module.split(".")[1] == room_of(path), f"{module_of(path)} imports {module}"


def test_the_door_is_cheap() -> None:
    """`import tracekit` in a fresh process loads nothing heavy, of ours or of the standard library."""
    code = f"import sys; import tracekit; print([name for name in {HEAVY!r} if name in sys.modules])"
    # -I and -S: what the environment's own start-up loads is not ours.
    root = str(PACKAGE.parent)
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


def test_the_door_lists_what_it_has() -> None:
    """`__all__` names what is there, also what is loaded only when it is asked for."""
    import tracekit

    for name in tracekit.__all__:
        assert getattr(tracekit, name) is not None
    assert dir(tracekit) == sorted(tracekit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tracekit.nonsense  # noqa: B018


def test_every_room_is_installed() -> None:
    """The list of packages that an installation gets has all rooms."""
    text = (PACKAGE.parent / "pyproject.toml").read_text()
    listed = set(text.partition("\npackages = [")[2].partition("]")[0].replace('"', "").replace(",", " ").split())

    assert listed == {module_of(path) for path in FILES if path.name == "__init__.py"}
