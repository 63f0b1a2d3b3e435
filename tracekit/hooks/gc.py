"""The hook for garbage collections: each one a begin and an end on the thread that it stopped. Knows only the recorder."""

from __future__ import annotations

import gc

from tracekit import events
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

_MOST = (1 << 32) - 1


class GcHook(Hook):
    """Records every collection through `gc.callbacks`."""

    name = "gc"

    def install(self) -> None:
        gc.callbacks.append(self._collecting)

    def remove(self) -> None:
        super().remove()
        while self._collecting in gc.callbacks:
            gc.callbacks.remove(self._collecting)

    def _collecting(self, phase: str, info: dict[str, int]) -> None:
        recorder = recording.current
        if recorder is None:
            return
        try:
            # A collection may come before a new thread's first line: it must not be taken for one that was there before.
            if not recorder.knows_thread():
                return
            if phase == "start":
                recorder.write(events.GC_BEGIN, info["generation"])
            else:
                recorder.write(events.GC_END, info["generation"], min(info["collected"], _MOST))
        except Exception as error:
            self.fail(error)
