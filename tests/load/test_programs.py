"""What `tracekit run` wrote of the programs of a session: one, several, and files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracekit.load.programs import SESSION_FILE, Program, add, exit_status, read
from tracekit.load.session import load
from tracekit.model.builder import Builder

FIRST = {"program": "a.py", "command": ["python", "a.py"], "child_pid": 10, "started_monotonic": 5, "exit_status": 0}
SECOND = {"program": "b.py", "command": ["python", "b.py"], "child_pid": 11, "started_monotonic": 9, "exit_status": 3}
THIRD = {"program": "c.py", "command": ["python", "c.py"], "child_pid": 12, "started_monotonic": 7, "exit_status": None}


def session(folder: Path, **files: Any) -> Path:
    """A session's directory with these descriptions, by the end of their names."""
    for end, about in files.items():
        (folder / (SESSION_FILE + end.replace("_", "."))).write_text(json.dumps(about))
    return folder


def programs(*exit_statuses: int | None) -> list[Program]:
    """Programs that ended so."""
    return [Program.of({"exit_status": status}) for status in exit_statuses]


def test_several(tmp_path: Path) -> None:
    """Each program of a session is there, in the order of their beginnings; other files are none."""
    session(tmp_path, **{"": FIRST, "_200": SECOND, "_100": THIRD, "_members": {}, "_turn": {}, "_new": {}})
    builder = Builder()
    assert [program.name for program in read(tmp_path, builder)] == ["a.py", "c.py", "b.py"]
    assert builder.notes == []
    trace = load(tmp_path)
    assert trace.program == "a.py and c.py and b.py"
    assert [(process.pid, process.command) for process in trace.processes] == [
        (10, "python a.py"),
        (12, "python c.py"),
        (11, "python b.py"),
    ]
    assert trace.exit_status is None


@pytest.mark.parametrize(
    ("statuses", "known"), [((), None), ((0, 0), 0), ((0, 3, 4), 3), ((3, None), None), ((139,), 139)]
)
def test_exit_status(statuses: tuple[int | None, ...], known: int | None) -> None:
    """Of several programs the first failure counts, if the end of each is known."""
    assert exit_status(programs(*statuses)) == known


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "[" * 100_000])
def test_a_description_that_is_damaged(tmp_path: Path, text: str) -> None:
    """It is noted by its name, and what others wrote is still there."""
    session(tmp_path, _200=SECOND)
    (tmp_path / SESSION_FILE).write_text(text)
    builder = Builder()
    assert [program.name for program in read(tmp_path, builder)] == ["", "b.py"]
    (note,) = builder.notes
    assert note.startswith("session.json cannot be read")


def test_no_description(tmp_path: Path) -> None:
    """Without any there is no program, and a note."""
    builder = Builder()
    assert read(tmp_path, builder) == []
    assert "session.json is missing" in builder.notes[0]


def test_wrong_types() -> None:
    """What is not of its type is as if it were not there."""
    about = {"program": 3, "command": "ls", "child_pid": "x", "status": True, "anchors": [[1, 2], [1], 4, ["a", 2]]}
    assert Program.of(about | {"started_monotonic": 1 << 63}) == Program.of({"anchors": [[1, 2]]})
    assert Program.of({"anchors": {}}).anchors == ()


@pytest.mark.parametrize(
    ("recorded", "damaged", "untraced"),
    [(set(), False, "no Python"), (set(), True, "cannot be read"), ({10}, False, "")],
)
def test_a_program_that_recorded_nothing(recorded: set[int], damaged: bool, untraced: str) -> None:
    """It is a process with its command and its end; one that recorded is not added."""
    builder = Builder()
    add(Program.of(FIRST | {"status": -9, "ended_monotonic": 20}), recorded, damaged, builder)
    assert [untraced in process.untraced for process in builder.processes] == [True] * (not recorded)
    assert [(process.status, process.ended) for process in builder.processes] == [(-9, 20)] * (not recorded)
