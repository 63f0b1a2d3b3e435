"""Cures: a call is recognized by the frames below the program's, or by the line that makes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracekit.analyze.cures import cure
from tracekit.analyze.place import Place

STANDARD = "/usr/lib/python3.12"
INSTALLED = f"{STANDARD}/site-packages"


def for_line(directory: Path, line: str, verdict: str = "unknown") -> str:
    """The cure for a line of the program."""
    file = directory / "program.py"
    file.write_text(f"import x\n{line}\n")
    return cure(verdict, (Place("work", str(file), 2),), 0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("time.sleep(1)", "await asyncio.sleep"),
        ("sleep(1)", "await asyncio.sleep"),
        ("requests.get(url)", "httpx"),
        ("urlopen(url).read()", "httpx"),
        ("cursor.execute(query)", "aiosqlite"),
        ("rows = cursor.fetchall()", "aiosqlite"),
        ("subprocess.run(['ls'])", "create_subprocess_exec"),
        ("os.system('ls')", "create_subprocess_exec"),
        ("data = connection.recv(100)", "asyncio's streams"),
        ("lock.acquire()", "lock of `threading`"),
        ("thread.join()", "lock of `threading`"),
        ("future.result()", "asyncio.wrap_future"),
        ("hashlib.pbkdf2_hmac('sha256', a, b, 10**6)", "gives up the GIL"),
        ("gzip.compress(data)", "gives up the GIL"),
        ("pattern.match(text)", "regular expression"),
        ("json.dumps(rows)", "process pool"),
        ("rows.sort()", "process pool"),
        ("text = open(name).read()", "Files cannot be awaited"),
        ("path.write_bytes(data)", "Files cannot be awaited"),
        ("', '.join(words)", ""),
        ("x = 1", ""),
    ],
)
def test_by_the_line(tmp_path: Path, line: str, words: str) -> None:
    """A function in C has no frame of its own: the line that calls it names it."""
    found = for_line(tmp_path, line)
    assert (words in found) if words else not found


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (f"{STANDARD}/subprocess.py", "create_subprocess_exec"),
        (f"{STANDARD}/urllib/request.py", "httpx"),
        (f"{STANDARD}/ssl.py", "asyncio's streams"),
        (f"{STANDARD}/queue.py", "asyncio.Queue"),
        (f"{STANDARD}/threading.py", "lock of `threading`"),
        (f"{STANDARD}/re/__init__.py", "regular expression"),
        (f"{STANDARD}/re.py", "regular expression"),
        (f"{STANDARD}/json/decoder.py", "process pool"),
        (f"{STANDARD}/concurrent/futures/_base.py", "asyncio.wrap_future"),
        (f"{INSTALLED}/requests/api.py", "httpx"),
        (f"{INSTALLED}/pymysql/cursors.py", "asynchronous variant"),
    ],
)
def test_by_what_was_called(file: str, words: str) -> None:
    """A function in Python is known by the module or library that it lies in."""
    stack = (Place("inner", "/somewhere/else.py", 1), Place("called", file, 1), Place("work", "/app/work.py", 2))
    assert words in cure("unknown", stack, 2)


def test_the_outermost_counts() -> None:
    """What the program called tells more than what that called in turn."""
    stack = (
        Place("wait", f"{STANDARD}/threading.py", 1),
        Place("read", f"{STANDARD}/ssl.py", 1),
        Place("get", f"{INSTALLED}/requests/api.py", 1),
        Place("work", "/app/work.py", 2),
    )
    assert "httpx" in cure("syscall", stack, 3)


@pytest.mark.parametrize(
    ("line", "verdict", "words"),
    [
        ("time.sleep(x)", "cpu", "process pool"),
        ("re.match(a, b)", "syscall", "what can be awaited"),
        ("time.sleep(x)", "preempted", "No code is to blame"),
        ("time.sleep(x)", "gil", "what the other threads compute"),
        ("x = 1", "cpu", "process pool"),
        ("x = 1", "syscall", "what can be awaited"),
        ("x = 1", "mixed", ""),
    ],
)
def test_the_verdict_rules(tmp_path: Path, line: str, verdict: str, words: str) -> None:
    """A call that could not have taken the time in that way is not blamed for it."""
    found = for_line(tmp_path, line, verdict)
    assert (words in found) if words else not found


def test_a_comprehension(tmp_path: Path) -> None:
    """What sums up or sorts the values of a comprehension is not what computes them."""
    file = tmp_path / "program.py"
    file.write_text("total = sum(f(x) for x in rows)\n")
    stack = (Place("<genexpr>", str(file), 1), Place("work", str(file), 1))
    assert "a thread would hold the GIL as well" in cure("cpu", stack, 1)


def test_how_a_library_waits(tmp_path: Path) -> None:
    """A library's own line is not the user's to change."""
    file = tmp_path / "lib" / "python3.12" / "site-packages" / "library.py"
    file.parent.mkdir(parents=True)
    file.write_text("time.sleep(1)\n")
    stack = (Place("retry", str(file), 1), Place("work", "/app/work.py", 2))
    assert "asyncio.sleep" not in cure("syscall", stack, 1)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A trace may name any file: what is no file of a sensible size, or has no such line, says nothing."""
    os.mkfifo(tmp_path / "pipe.py")
    huge = tmp_path / "huge.py"
    huge.touch()
    os.truncate(huge, 1 << 30)
    short = tmp_path / "short.py"
    short.write_bytes(b"time.sleep(1) \xff\n")
    for file, line in ((tmp_path / "pipe.py", 1), (huge, 1), (short, 2), (short, -1), ("/dev/zero", 1), ("a\0b.py", 1)):
        assert cure("unknown", (Place("work", str(file), line),), 0) == ""
    assert "asyncio.sleep" in cure("unknown", (Place("work", str(short), 1),), 0)


def test_computing_without_the_gil() -> None:
    """What was seen to compute without the GIL may go to a thread; of what waits that says nothing."""
    assert "a thread is enough" in cure("cpu", (), 0, unlocked=True)
    assert "process pool" in cure("cpu", (), 0)
    assert cure("syscall", (), 0, unlocked=True) == cure("syscall", (), 0)
