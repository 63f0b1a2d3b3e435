"""The hook for the ends of child processes: what the kernel tells those that wait for one. Knows only the recorder.

Whoever waits otherwise (a library in C) is not seen, and the end of such a child is not known.
"""

from __future__ import annotations

import os

from tracekit import events
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_STOPPED = 0x7F
_CONTINUED = 0xFFFF
_DUMPED = 0x80


class EndsHook(Hook):
    """Replaces the leaves that wait for child processes."""

    name = "ends of processes"

    def install(self) -> None:
        for name in ("wait", "wait3", "wait4", "waitpid"):
            self.replace(os, name, self._wait)
        self.replace(os, "waitid", self._waitid)
        when_imported("subprocess", self, self._install_subprocess)

    def _install_subprocess(self, subprocess: ModuleType) -> None:
        # It keeps os.waitpid for the time when there is no `os` any more: since 3.13 by a name, before as a default.
        kept = getattr(subprocess, "_del_safe", None)
        if kept is not None:
            self.replace(kept, "waitpid", self._wait)
        else:
            self.replace(subprocess.Popen, "_internal_poll", self._poll)

    def _wait(self, original: Any) -> Any:
        def wait(*args: Any, **kwargs: Any) -> Any:
            found = original(*args, **kwargs)
            self._write(found[0], found[1])
            return found

        return wait

    def _waitid(self, original: Any) -> Any:
        def waitid(*args: Any) -> Any:
            found = original(*args)
            if found is not None:
                self._write(found.si_pid, _status(found.si_code, found.si_status))
            return found

        return waitid

    def _poll(self, original: Any) -> Any:
        waitpid = os.waitpid

        def poll(popen: Any, _deadstate: Any = None, **kept: Any) -> Any:
            return original(popen, _deadstate, **{"_waitpid": waitpid, **kept})

        return poll

    def _write(self, pid: int, status: int) -> None:
        recorder = recording.current
        if recorder is None or not pid or status == _CONTINUED or status & 0xFF == _STOPPED:
            return
        try:
            recorder.write(events.PROCESS_EXIT, 0, pid, [(events.STATUS, status)])
        except Exception as error:
            self.fail(error)


def _status(code: int, status: int) -> int:
    """What wait(2) would have told in place of waitid(2)."""
    if code == os.CLD_EXITED:
        return status << 8
    if code == os.CLD_DUMPED:
        return status | _DUMPED
    return status if code == os.CLD_KILLED else _CONTINUED
