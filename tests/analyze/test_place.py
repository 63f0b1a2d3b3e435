"""Places in the code, and whose they are. Knows only paths."""

from __future__ import annotations

from tracekit.analyze.place import Place, library_of, users

MINE = Place("main", "/home/me/app.py", 3)
THEIRS = Place("get", "/venv/lib/python3.11/site-packages/requests/api.py", 10)
PYTHONS = Place("sleep", "/usr/lib/python3.11/asyncio/tasks.py", 600)


def test_users() -> None:
    """The program's own place is chosen, wherever it stands; where there is none, the place is empty."""
    assert users(THEIRS, PYTHONS, MINE) == MINE
    assert users(THEIRS, PYTHONS, Place()) == Place()


def test_library_of() -> None:
    """An installed library is named; the standard library and the program are none."""
    assert library_of(MINE, PYTHONS, THEIRS) == {"name": "requests", "version": None, **THEIRS._asdict()}
    assert library_of(MINE, PYTHONS) is None


def test_of() -> None:
    """A place is read from arguments, whatever they hold; its text is as an editor finds it."""
    assert Place.of({"function": "f", "file": "/a.py", "line": 3}) == Place("f", "/a.py", 3)
    assert Place.of({"function": None, "line": "3"}) == Place()
    assert str(MINE) == "main (/home/me/app.py:3)"


def test_read() -> None:
    """A place is read from what its text is; other texts name none."""
    assert Place.read(str(MINE)) == MINE
    assert Place.read("a (b) (/c d.py:7)") == Place("a (b)", "/c d.py", 7)
    assert Place.read("main (app.py)") == Place.read("") == Place()
