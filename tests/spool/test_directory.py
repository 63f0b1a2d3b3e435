"""The session's directory: outputs that cannot be written are refused early, and nothing that is not ours is removed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tracekit.errors import TracekitError
from tracekit.spool import directory


def test_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output is made absolute, and the directories that it needs are made."""
    monkeypatch.chdir(tmp_path)

    path = directory.check_output("new/deep/out.json.gz")

    assert path == str(tmp_path / "new/deep/out.json.gz")
    assert (tmp_path / "new/deep").is_dir()
    assert directory.session_of(path) == str(tmp_path / "new/deep/out.tracekit")
    assert directory.session_of("a.b.json") == "a.b.tracekit"


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("out.txt", "must end in .json"),
        ("", "must end in .json"),
        ("folder.json", "that is a directory"),
        ("file/out.json", "cannot be made"),
        ("file/deep/out.json", "cannot be made"),
        ("\0.json", "null"),
        ("x" * 300 + "/out.json", "too long"),
    ],
)
def test_output_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, why: str) -> None:
    """The error names the output and says why, before anything is recorded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("")

    with pytest.raises(TracekitError) as error:
        directory.check_output(output)

    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_session_is_private_and_never_overwritten(tmp_path: Path) -> None:
    """A session can be entered by its owner alone; one that is there already is an error that says what to do."""
    path = str(tmp_path / "s.tracekit")
    directory.create(path)

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    with pytest.raises(TracekitError, match="tracekit recover"):
        directory.create(path)
    with pytest.raises(TracekitError, match="cannot make"):
        directory.create(str(tmp_path / "none" / "s.tracekit"))


def test_description(tmp_path: Path) -> None:
    """What was run is written down whole and private, and reads back."""
    description = directory.describe(str(tmp_path), "app", ["app", "\udcff"])

    file = tmp_path / directory.DESCRIPTION
    assert json.loads(file.read_bytes()) == description
    assert description["command"] == ["app", "\udcff"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [directory.DESCRIPTION]


def test_description_that_cannot_be_written(tmp_path: Path) -> None:
    """A description that finds no room is no error: the spools tell nearly everything."""
    directory.write(str(tmp_path / "none"), {})


def test_remove(tmp_path: Path) -> None:
    """A session is removed; what somebody else put into it, and its directory then, stay."""
    for name in ("mine", "shared"):
        (tmp_path / name).mkdir()
        for file in ("1-a.spool", directory.DESCRIPTION, directory.DESCRIPTION + ".new"):
            (tmp_path / name / file).write_text("")
    (tmp_path / "shared" / "notes.txt").write_text("")

    directory.remove(str(tmp_path / "mine"))
    directory.remove(str(tmp_path / "shared"))

    assert not (tmp_path / "mine").exists()
    assert [entry.name for entry in (tmp_path / "shared").iterdir()] == ["notes.txt"]
