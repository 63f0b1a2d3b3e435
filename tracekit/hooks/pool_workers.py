"""Pool workers: has something done early in each process that multiprocessing starts for a pool. Knows no pool."""

from __future__ import annotations

import sys

from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.hooks.patch import Hook


def on_begin(hook: Hook, target: Any, begin: Callable[..., None]) -> None:
    """Call `begin` with the arguments of `target` in each child process that is about to run that, however it was started.

    It is called from a leaf, so that none of our frames stands below the program's in a worker.
    """
    process = sys.modules["multiprocessing.process"]

    def make(original: Any) -> Any:
        def after_fork() -> None:
            original()
            try:
                child = process.current_process()
                if recording.current is not None and getattr(child, "_target", None) is target:
                    begin(*child._args)
            except Exception as error:
                hook.fail(error)

        return after_fork

    hook.replace(sys.modules["multiprocessing.util"], "_run_after_forkers", make)
    hook.replace(sys.modules["multiprocessing.context"].SpawnProcess, "_after_fork", make)
