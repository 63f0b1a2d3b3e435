"""Workloads by what people call them. Knows no model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekit.compare import find
from tracekit.errors import TracekitError, UsageError

JOBS = '''
"""Jobs of somebody."""
from beside import NUMBER
def workload(scale):
    """Two things to do."""
    return [NUMBER, scale]
def other(scale):
    return []
'''


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """What a test loads is forgotten after it."""
    modules, path, files = set(sys.modules), list(sys.path), dict(find._files)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path
    find._files.clear()
    find._files.update(files)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """A file with two workloads, and one beside it that it imports."""
    (tmp_path / "beside.py").write_text("NUMBER = 3\n")
    file = tmp_path / "jobs_of_somebody.py"
    file.write_text(JOBS)
    return file


def test_a_file_is_found_with_its_neighbours(jobs: Path) -> None:
    """A file's path is enough; it imports what lies beside it, as a script does."""
    found = find.find(str(jobs))

    assert found.function(2.0) == [3, 2.0]
    assert (found.name, found.doc, found.where) == ("jobs_of_somebody", "Two things to do.", str(jobs))


def test_another_function_of_a_file_is_named_behind_a_colon(jobs: Path) -> None:
    """The name stands in the table too; a function that says nothing of itself has its module's words."""
    found = find.find(f"{jobs}:other")

    assert (found.function(1.0), found.name, found.doc) == ([], "jobs_of_somebody:other", "Jobs of somebody.")


def test_a_module_is_found_from_the_working_directory(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """module:name and a bare module both work where `python -m` would find the module."""
    monkeypatch.chdir(jobs.parent)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])

    assert find.find("jobs_of_somebody:workload").function(1.0) == [3, 1.0]
    assert find.find("jobs_of_somebody").where == str(jobs)


def test_a_file_is_loaded_once(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names for a file mean one module, under which its functions are pickled."""
    first = find.find(str(jobs)).function
    monkeypatch.chdir(jobs.parent)

    assert find.find("jobs_of_somebody.py").function is first
    assert find.files() == [("jobs_of_somebody", str(jobs))]


def test_a_file_takes_no_module_s_name(tmp_path: Path) -> None:
    """A file called like a module of the standard library gets another name, and leaves the module alone."""
    import json

    file = tmp_path / "json.py"
    file.write_text("def workload(scale):\n    return []\n")
    module = find.load(str(file))

    assert sys.modules["json"] is json
    assert sys.modules[module.__name__] is module
    assert module.__name__ == "json_2"


def test_a_worker_loads_what_its_parent_had(jobs: Path) -> None:
    """Under the same name; and only where it is not there already."""
    find.load_again([("known_otherwise", str(jobs)), ("sys", "/nowhere.py")])

    assert sys.modules["known_otherwise"].workload(1.0) == [3, 1.0]


def test_a_built_in_needs_no_path() -> None:
    """Each name of the list is found, and its words are the list's; nothing is imported for the list."""
    before = set(sys.modules)
    listed = find.builtins()

    assert not [name for name in set(sys.modules) - before if name.startswith("tracekit.compare.builtin.")]
    assert "article" in listed
    assert find.find("article").doc == listed["article"]
    assert all(words for words in listed.values())


def test_a_file_that_fails_says_where(tmp_path: Path) -> None:
    """One line: what was raised, in which line; and the module is not left behind half made."""
    file = tmp_path / "broken_jobs.py"
    file.write_text("x = 1\nx / 0\n")

    with pytest.raises(TracekitError, match=r"ZeroDivisionError: division by zero \(broken_jobs.py, line 2\)"):
        find.find(str(file))
    assert "broken_jobs" not in sys.modules


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("artcle", "no workload is called 'artcle': built in are .*article, .*file.py or module:name"),
        ("no/such/file.py", "there is no file no/such/file.py"),
        ("jobs.py:", "names no workload: write module:name"),
        (":workload", "names no workload"),
        ("../jobs.mine:workload", "names no module: write package.module:name"),
        ("jobs/mine:workload", "names no module: write package.module:name"),
        ("json:nothing", "has no function nothing"),
        ("json", "has no function workload"),
    ],
)
def test_what_is_not_there_is_said(spec: str, says: str) -> None:
    """One line: what is missing, and how it would be named."""
    with pytest.raises(UsageError, match=says):
        find.find(spec)


def test_a_module_that_is_not_there_is_said() -> None:
    """The import's own words are in the line, and where it was looked for."""
    with pytest.raises(TracekitError, match="No module named 'no_such_thing'; modules are looked for in"):
        find.find("no_such_thing.jobs:workload")


def test_a_file_of_a_package_is_named_as_a_module(tmp_path: Path) -> None:
    """Where it imports from beside itself as a part of its package, the line says how to name it."""
    package = tmp_path / "shop" / "orders"
    package.mkdir(parents=True)
    for directory in (package, package.parent):
        (directory / "__init__.py").touch()
    (package / "batch.py").write_text("from . import prices\n")

    with pytest.raises(TracekitError, match=rf"name it shop\.orders\.batch:name, in {tmp_path}$"):
        find.find(str(package / "batch.py"))


@pytest.mark.parametrize(("code", "says"), [("", "exit 0"), ("3", "exit 3")])
def test_a_file_that_exits_is_said(tmp_path: Path, code: str, says: str) -> None:
    """With the code that the program would end with; and it is not left behind half made."""
    file = tmp_path / "exiting_jobs.py"
    file.write_text(f"import sys\nsys.exit({code})\n")

    with pytest.raises(TracekitError, match=rf"ends the program when it is imported \({says}\)"):
        find.find(str(file))
    assert "exiting_jobs" not in sys.modules
