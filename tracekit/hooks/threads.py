"""The hook for threads: who started a thread, and what for, when it began, and its name. Knows only the recorder and `threading`.

That a thread ends the recorder sees by itself. Threads made by `_thread.start_new_thread` alone are not seen to start; the
recorder takes them in at their first event.
"""

from __future__ import annotations

from tracekit import events
from tracekit.hooks.code import started_for
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


class ThreadsHook(Hook):
    """Replaces two leaves of `threading`: the start of the OS thread, and one of the first things that a thread does itself."""

    name = "threads"

    def __init__(self) -> None:
        super().__init__()
        self._starting: dict[int, int] = {}  # id of a Thread whose OS thread is on its way -> serial

    def install(self) -> None:
        when_imported("threading", self, self._install)

    def _install(self, threading: ModuleType) -> None:
        self.replace(threading, "_start_new_thread", self._start)
        self.replace(threading, "_start_joinable_thread", self._start)  # 3.13
        self.replace(threading.Thread, "_set_native_id", self._begin)

    def _start(self, original: Any) -> Any:
        def start_thread(function: Any, *args: Any, **kwargs: Any) -> Any:
            recorder = recording.current
            thread = getattr(function, "__self__", None)
            if recorder is not None and thread is not None:
                try:
                    serial = recorder.serial("thread")
                    self._starting[id(thread)] = serial
                    thread._tracekit_thread = recorder, serial
                    code = started_for(thread)
                    details = [] if code is None else [(events.CODE, recorder.intern(code))]
                    recorder.write_named(events.THREAD_START, thread.name, serial, details)
                except Exception as error:
                    self.fail(error)
            try:
                return original(function, *args, **kwargs)
            except BaseException:  # there is no room for one more thread; its id will be another's
                self._starting.pop(id(thread), None)
                raise

        return start_thread

    def _begin(self, original: Any) -> Any:
        def set_native_id(thread: Any) -> None:
            original(thread)
            serial = self._starting.pop(id(thread), 0)
            recorder = recording.current
            if serial and recorder is not None:
                try:
                    recorder.begin_thread(serial, thread.name, thread)
                except Exception as error:
                    self.fail(error)

        return set_native_id
