"""The session's directory: outputs that cannot be written are refused early, and nothing that is not ours is removed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tracekit.errors import TracekitError
from tracekit.spool import directory, layout
from tracekit.spool.file import SpoolFile


def test_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output is made absolute, and the directories that it needs are made."""
    monkeypatch.chdir(tmp_path)

    path = directory.check_output("new/deep/out.json.gz")

    assert path == str(tmp_path / "new/deep/out.json.gz")
    assert (tmp_path / "new/deep").is_dir()
    assert directory.session_of(path) == str(tmp_path / "new/deep/out.tracekit")
    assert directory.session_of("a.b.json") == "a.b.tracekit"
    assert directory.session_of("a.pftrace") == directory.session_of("a.pftrace.gz") == "a.tracekit"


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
    description = directory.describe(str(tmp_path), "out.json", "app", ["app", "\udcff"])

    file = tmp_path / directory.DESCRIPTION
    assert json.loads(file.read_bytes()) == description
    assert description["command"] == ["app", "\udcff"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [directory.DESCRIPTION]


def test_output_of_a_session(tmp_path: Path) -> None:
    """A session becomes what was asked for, beside it wherever it lies now; where that is not known it is compressed."""
    for output in ("out.json", "out.json.gz", "out.pftrace", "out.pftrace.gz"):
        directory.describe(str(tmp_path), f"/elsewhere/{output}", "app", ["app"])
        moved = output.replace("out", tmp_path.name)
        assert directory.output_of(str(tmp_path)) == str(tmp_path.parent / moved)
    directory.write(str(tmp_path), {"output": 7})
    assert directory.output_of(str(tmp_path)) == f"{tmp_path}.json.gz"
    assert directory.output_of("gone/s.tracekit") == "gone/s.json.gz"


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


def test_description_is_read_back(tmp_path: Path) -> None:
    """A description reads back; one that is missing, damaged or no object is empty."""
    assert directory.read(str(tmp_path)) == {}
    description = directory.describe(str(tmp_path), "out.json", "app", ["app"])
    assert directory.read(str(tmp_path)) == description
    for damaged in ("{", "[]", "\x00"):
        (tmp_path / directory.DESCRIPTION).write_text(damaged)
        assert directory.read(str(tmp_path)) == {}


def test_unread(tmp_path: Path) -> None:
    """What is not ours is told from our spools, and from those whose process died before it wrote anything."""
    newer = [layout.MAGIC, layout.VERSION + 1, *[0] * (layout.HEADER_WORDS - 2)]
    SpoolFile(str(tmp_path)).finish(layout.ENDED_NORMALLY)
    (tmp_path / "born-dead.spool").write_bytes(bytes(layout.HEADER_BYTES))
    half = [0, layout.VERSION, 4711, *[0] * (layout.HEADER_WORDS - 3)]  # killed before the first word, which comes last
    (tmp_path / "half-born.spool").write_bytes(b"".join(word.to_bytes(8, "little") for word in half))
    (tmp_path / "empty.spool").touch()
    (tmp_path / "garbage.spool").write_bytes(b"garbage")
    (tmp_path / "headless.spool").write_bytes(bytes(layout.HEADER_BYTES + layout.BLOCK_BYTES))
    (tmp_path / "newer.spool").write_bytes(b"".join(word.to_bytes(8, "little") for word in newer))
    os.mkfifo(tmp_path / "pipe.spool")

    assert directory.unread(str(tmp_path)) == ["garbage.spool", "headless.spool", "newer.spool"]


RECORDING = """
import sys
from tracekit.spool.file import SpoolFile
spool = SpoolFile(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


def test_running(tmp_path: Path) -> None:
    """A process records until it ends: not one that has closed its spool, nor a zombie, nor another one under its pid."""
    SpoolFile(str(tmp_path)).finish(layout.ENDED_NORMALLY)
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert directory.running(str(tmp_path)) == [process.pid]
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert directory.running(str(tmp_path)) == []
    assert directory.running(str(tmp_path)) == []

    own = SpoolFile(str(tmp_path))
    assert directory.running(str(tmp_path)) == [os.getpid()]
    with open(own.path, "r+b") as file:
        file.seek(layout.H_START_TICKS * 8)
        file.write((1).to_bytes(8, "little"))
    assert directory.running(str(tmp_path)) == []


def test_what_cannot_be_read_or_removed(tmp_path: Path) -> None:
    """A directory that is gone, and a spool that is no file, are one clear error each."""
    with pytest.raises(TracekitError, match="cannot read"):
        directory.spools(str(tmp_path / "none"))
    (tmp_path / "folder.spool").mkdir()
    with pytest.raises(TracekitError, match="cannot remove"):
        directory.remove(str(tmp_path))


def test_an_observer_is_not_running(tmp_path: Path) -> None:
    """Who observes a session does not keep it from being finished."""
    spool = SpoolFile(str(tmp_path))
    assert directory.running(str(tmp_path)) == [os.getpid()]
    spool.header[layout.H_OBSERVER] = 1
    assert directory.running(str(tmp_path)) == []
