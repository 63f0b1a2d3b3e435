"""Holder: the thread that takes a lock, by its number. Knows only the recorder."""

from __future__ import annotations

import sys

from tracekit.record import recorder as recording


def thread_serial() -> int:
    """The serial of the calling thread in the session that runs; 0: there is none, or it cannot say yet who it is."""
    recorder = recording.current
    if recorder is None or not (recorder.knows_thread() or _has_no_name()):
        return 0
    return recorder.thread_serial()


def _has_no_name() -> bool:
    """Whether `threading` has nothing to do with the calling thread, and will never say who it is."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
    return not (frame.f_code.co_name == "_bootstrap" and frame.f_code.co_filename.endswith("threading.py"))
