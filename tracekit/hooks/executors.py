"""The hook for executors of concurrent.futures: who submitted a job, how it ended, and on threads how it ran.

Knows only the recorder and `concurrent.futures`; `asyncio.to_thread` and `run_in_executor` come by here as well. What goes on
between a process pool and its workers is process_pools.py's.
"""

from __future__ import annotations

from _weakref import ref
from sys import _getframe

from tracekit import events
from tracekit.hooks.imports import when_imported
from tracekit.hooks.job_records import error_details, executor_details, forget, watch, write_submit
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

_QUEUED = 0
_RUNS = 1
_ELSEWHERE = 2  # it runs in another process


class ExecutorsHook(Hook):
    """Replaces leaves: the making of a work item (submit), and the future's start and end (run)."""

    name = "executors"

    def install(self) -> None:
        when_imported("concurrent.futures._base", self, self._install_futures)
        when_imported("concurrent.futures.thread", self, self._install_threads)

    def _install_futures(self, base: ModuleType) -> None:
        self.replace(base.Future, "set_running_or_notify_cancel", self._begin)
        self.replace(base.Future, "set_result", self._end_with_result)
        self.replace(base.Future, "set_exception", self._end_with_exception)
        self.replace(base.Future, "cancel", self._cancel)
        self.replace(base, "_create_and_install_waiters", self._wait_for_some)

    def _install_threads(self, module: ModuleType) -> None:
        self.replace(module._WorkItem, "__init__", self._submit_to_thread)

    def remove(self) -> None:
        super().remove()
        forget()

    # Thread pools.

    def _submit_to_thread(self, original: Any) -> Any:
        def init(item: Any, *args: Any, **kwargs: Any) -> None:
            original(item, *args, **kwargs)
            recorder = recording.current
            if recorder is not None:
                try:
                    executor = executor_of(recorder, _getframe(1).f_locals.get("self"))
                    submitted(recorder, item.future, _function_of(item), executor, self.fail)
                except Exception as error:
                    self.fail(error)

        return init

    def _begin(self, original: Any) -> Any:
        def set_running_or_notify_cancel(future: Any) -> Any:
            running = original(future)
            job = future.__dict__.get("_tracekit_job")
            if job is not None and running and job[3] == _QUEUED:
                try:
                    recorder, serial, name, _ = job
                    future._tracekit_job = (recorder, serial, name, _RUNS)
                    recorder.write(events.JOB_BEGIN, recorder.intern(name), serial)
                except Exception as error:
                    self.fail(error)
            return running

        return set_running_or_notify_cancel

    # The end is written after the future has told those who wait for it, so that whom it wakes is seen to be woken by the job.

    def _end_with_result(self, original: Any) -> Any:
        def set_result(future: Any, result: Any) -> None:
            original(future, result)
            self._end(future, events.OUTCOME_DONE)

        return set_result

    def _end_with_exception(self, original: Any) -> Any:
        def set_exception(future: Any, exception: Any) -> None:
            original(future, exception)
            self._end(future, events.OUTCOME_FAILED, exception)

        return set_exception

    def _cancel(self, original: Any) -> Any:
        def cancel(future: Any) -> Any:
            cancelled = original(future)
            if cancelled:
                self._end(future, events.OUTCOME_CANCELLED)
            return cancelled

        return cancel

    def _end(self, future: Any, outcome: int, exception: Any = None) -> None:
        job = future.__dict__.pop("_tracekit_job", None)
        if job is not None:
            try:
                recorder, serial, _, where = job
                # A job that fails before it has begun (its pool is broken) has no run to end.
                kind = events.JOB_END if where == _RUNS else events.JOB_TOLD
                recorder.write(kind, outcome, serial, error_details(recorder, exception))
            except Exception as error:
                self.fail(error)

    def _wait_for_some(self, original: Any) -> Any:
        def create_and_install_waiters(futures: Any, return_when: Any) -> Any:
            waiter = original(futures, return_when)
            if recording.current is not None:
                try:
                    alive = ref(waiter)

                    def find() -> tuple[Recorder, int] | None:
                        finished = getattr(alive(), "finished_futures", None)
                        return finished[-1].__dict__.get("_tracekit_result") if finished else None

                    watch(waiter.event._cond, find, self.fail)
                except Exception as error:
                    self.fail(error)
            return waiter

        return create_and_install_waiters


def submitted(
    recorder: Recorder,
    future: Any,
    function: Any,
    executor: Details,
    fail: Callable[[BaseException], None],
    work: Details | None = None,
) -> None:
    """Write that a job was submitted by this thread, and follow its future from here on.

    Args:
        executor: what `executor_of` returned.
        fail: told what goes wrong later.
        work: how its worker knows it, where that is another process.
    """
    serial = recorder.serial("job")
    name = write_submit(recorder, serial, function, executor, work or [])
    future._tracekit_job = (recorder, serial, name, _ELSEWHERE if work else _QUEUED)
    future._tracekit_result = recorder, serial
    alive = ref(future)

    def find() -> tuple[Recorder, int] | None:
        waited_for = alive()
        return (recorder, serial) if waited_for is not None and waited_for._state == "FINISHED" else None

    watch(future._condition, find, fail)


def executor_of(recorder: Recorder, executor: Any, again: bool = False) -> Details:
    """The executor as details; nothing where it is none.

    Args:
        again: say anew how many workers it may have.
    """
    if executor is None:
        return []
    workers = getattr(executor, "_max_workers", None)
    details = executor_details(recorder, executor, type(executor).__name__, workers)
    if again and workers is not None and len(details) == 1:
        details.append((events.WORKERS, workers))
    return details


def _function_of(item: Any) -> Any:
    """The function of a work item; since 3.14 it keeps function and arguments in one tuple."""
    return item.task[0] if hasattr(item, "task") else item.fn
