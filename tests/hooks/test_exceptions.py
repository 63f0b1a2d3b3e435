"""The hook for unhandled exceptions: what asks for a dump, and that the program's own hooks see what they would."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracekit import sessions
from tracekit.record import recorder as recording
from tracekit.spool import layout

Recorded = Callable[..., Any]


@pytest.fixture
def flight(recorded: Recorded) -> Any:
    """A flight recorder in this process, whose dumps somebody else would make."""
    return recorded(flight_ns=10**9, watched=1)


def asked() -> int:
    """How often this process has asked."""
    assert recording.current is not None
    return int(recording.current.spool.header[layout.H_DUMPS])


def test_thread(flight: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that ends a thread asks for a dump; the program's own hook is called with it all the same."""
    seen: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    with flight:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        assert asked() == 1
    assert seen == [ZeroDivisionError]
    assert "ZeroDivisionError" in "".join(flight.trace.notes)


@pytest.mark.parametrize(("error", "times"), [(ValueError, 1), (KeyboardInterrupt, 0), (SystemExit, 0)])
def test_main(flight: Any, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], times: int) -> None:
    """What ends the program asks for a dump, but for an end that somebody wanted."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    with flight:
        sys.excepthook(error, error("mine"), None)
        assert asked() == times
    assert [kind for kind, *_ in seen] == [error]


def test_only_in_a_flight_recorder(recorded: Recorded) -> None:
    """A session that keeps everything leaves Python's hooks alone; one that ends puts them back."""
    before = sys.excepthook, threading.excepthook
    with recorded():
        assert (sys.excepthook, threading.excepthook) == before
    with recorded(flight_ns=10**9, watched=1):
        assert sys.excepthook is not before[0]
        assert threading.excepthook is not before[1]
    assert (sys.excepthook, threading.excepthook) == before


def test_hook_that_fails(flight: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asking fails, the hook is taken out and says so; the program's is called."""
    seen: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    with flight:
        monkeypatch.setattr(recording.Recorder, "ask_for_dump", lambda *_: 1 / 0)
        sys.excepthook(ValueError, ValueError(), None)
    assert len(seen) == 1
    assert "exceptions hook failed and was removed" in capfd.readouterr().err


@pytest.mark.parametrize("where", ["main", "thread"])
def test_traceback(tmp_path: Path, where: str) -> None:
    """The traceback that Python prints is the same, letter for letter."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, threading\n"
        "def fail(): raise ValueError('mine')\n"
        "if sys.argv[1] == 'main': fail()\n"
        "t = threading.Thread(target=fail); t.start(); t.join()\n"
    )
    (tmp_path / "s.tracekit").mkdir()
    options = sessions.Options(flight_ns=10**9, watched=1)
    environment = sessions.environment(str(tmp_path / "s.tracekit"), options, {"PATH": ""})
    command = [sys.executable, str(program), where]

    plain = subprocess.run(command, env={"PATH": ""}, capture_output=True, check=False)
    traced = subprocess.run(command, env=environment, capture_output=True, check=False)

    assert b"ValueError: mine" in plain.stderr
    assert (traced.returncode, traced.stderr) == (plain.returncode, plain.stderr)
