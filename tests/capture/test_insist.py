"""A signal whose handler in Python does not run comes again. Knows the C core's function, and nothing of calls."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tracekit.spool.core import core

if core.fast is None:
    pytest.skip("only the C core sends a signal again", allow_module_level=True)

# The main thread is in a call that signals do not end, so that nothing in Python runs; what ends it is a second signal's byte.
_BLOCKED = """
    import ctypes, os, signal, socket, sys, threading
    from tracekit.spool.core import core

    def handle(number, frame):
        print("handled", flush=True)
        os._exit(3)

    def kill_when_it_blocks(tid):
        while not open(f"/proc/self/task/{tid}/syscall").read().startswith(RECEIVING):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    RECEIVING = {"x86_64": "45 ", "aarch64": "207 "}[os.uname().machine]
    inner, outer = socket.socketpair()
    outer.setblocking(False)
    signal.set_wakeup_fd(outer.fileno())
    signal.signal(signal.SIGTERM, handle)
    core.fast.insist(signal.SIGTERM)
    signal.siginterrupt(signal.SIGTERM, False)
    threading.Thread(target=kill_when_it_blocks, args=(threading.get_native_id(),)).start()
    room = ctypes.create_string_buffer(2)
    ctypes.CDLL(None).recv(inner.fileno(), room, 2, socket.MSG_WAITALL)
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own, from a folder where no source of tracekit's lies."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


def test_a_handler_that_did_not_run(tmp_path: Path) -> None:
    """It is sent once more while the main thread blocks, which ends the call, and the handler runs."""
    ran = run(_BLOCKED, tmp_path)

    assert (ran.stdout, ran.stderr, ran.returncode) == ("handled\n", "", 3)


def test_no_handler_in_python(tmp_path: Path) -> None:
    """A signal that Python does not handle is left alone: it ends the process at once."""
    code = """
        import os, signal
        from tracekit.spool.core import core
        core.fast.insist(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    """
    ran = run(code, tmp_path)

    assert ran.returncode == -signal.SIGTERM


def test_no_such_signal() -> None:
    """What is no signal is a ValueError."""
    with pytest.raises(ValueError, match="no such signal"):
        core.fast.insist(1000)
