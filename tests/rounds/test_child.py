"""Children: real processes that end well, badly, late or not at all. Knows no workload."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting import until

from tracekit.rounds.child import Failed, run


def python(code: str) -> list[str]:
    """A command that runs some code."""
    return [sys.executable, "-c", code]


def is_over(pid: int) -> bool:
    """Whether a process has ended, though nobody may have asked for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_weight_of_a_tree() -> None:
    """What a process and its child take is counted together: two heaps of 40 MB, held until they were looked at."""
    hold = "import time; heap = b'x' * 40_000_000; time.sleep(0.5)"
    code = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}; child.wait()"
    begun = time.monotonic_ns()
    looks = run(python(code), 60)
    assert 80_000_000 < max(look.pss for look in looks) < 200_000_000
    assert begun <= looks[0].time <= looks[-1].time <= time.monotonic_ns()


def test_nobody_looks() -> None:
    """Without weighing nothing is told."""
    assert run(python("pass"), 60, weighs=False) == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit('first\\ntracekit: no such thing')", "no such thing"),
        ("raise SystemExit(3)", "it ended with exit code 3 and said nothing"),
        ("import os; os.abort()", "it was killed by SIGABRT"),
    ],
)
def test_why_it_failed(code: str, why: str) -> None:
    """The last line that it said, or how it ended."""
    with pytest.raises(Failed) as failed:
        run(python(code), 60)
    assert str(failed.value) == why


def test_no_such_command() -> None:
    """What cannot be started says so in one line."""
    with pytest.raises(Failed, match="cannot run /nowhere/python: No such file"):
        run(["/nowhere/python"], 60)


def test_too_long(tmp_path: Path) -> None:
    """What takes too long is ended, with all that it has started."""
    with pytest.raises(Failed, match=r"it was not done after 5 s"):
        run(python(_LEAVES.format(path=str(tmp_path / "pid")) + "; time.sleep(600)"), 5)
    pid = int((tmp_path / "pid").read_text() or 0)
    until(lambda: is_over(pid))


def test_leaves_nothing_behind(tmp_path: Path) -> None:
    """A process that it leaves running is ended with it."""
    run(python(_LEAVES.format(path=str(tmp_path / "pid"))), 60)
    pid = int((tmp_path / "pid").read_text())
    until(lambda: is_over(pid))


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C while it runs ends it and what it has started, also what has made itself a group of its own."""
    path = tmp_path / "pid"
    code = _LEAVES.format(path=str(path)).replace("'])", "'], start_new_session=True)") + "; time.sleep(600)"

    def interrupt() -> None:
        until(lambda: path.exists() and path.read_text() != "")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(python(code), 60)
    thread.join()
    until(lambda: is_over(int(path.read_text())))


def test_a_session_around_us_is_not_its(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child is measured alone: it does not record into a session that goes on around us."""
    monkeypatch.setenv("TRACEKIT_SESSION", "/tmp/other.tracekit")
    run(python("import os; assert 'TRACEKIT_SESSION' not in os.environ"), 60)


_LEAVES = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "open({path!r}, 'w').write(str(child.pid))"
)
