"""The hook for executors of concurrent.futures: who submitted a job, how long it waited, where and how long it ran.

Knows only the recorder and `concurrent.futures`; `asyncio.to_thread` and `run_in_executor` come by here as well.
"""

from __future__ import annotations

from sys import _getframe

from tracekit import events
from tracekit.hooks.code import code_of, name_of
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details


class ExecutorsHook(Hook):
    """Replaces leaves: the making of a work item (submit), and the future's start and end (run).

    A process pool's worker has leaves of its own: the arrival of a call item, and the sending back of its result.
    """

    name = "executors"

    def install(self) -> None:
        when_imported("concurrent.futures.thread", self, self._install_threads)
        when_imported("concurrent.futures.process", self, self._install_processes)

    def _install_threads(self, module: ModuleType) -> None:
        self.replace(module._WorkItem, "__init__", self._submit_to_thread)
        future = module._base.Future
        self.replace(future, "set_running_or_notify_cancel", self._begin)
        self.replace(future, "set_result", self._end_with_result)
        self.replace(future, "set_exception", self._end_with_exception)

    def _install_processes(self, module: ModuleType) -> None:
        self.replace(module._WorkItem, "__init__", self._submit_to_process)
        self.replace(module.ProcessPoolExecutor, "_spawn_process", self._spawn)
        # object has no __setstate__ to replace: what unpickles a call item calls this one if it is there.
        module._CallItem.__setstate__ = self._arrive
        self._call_item = module._CallItem
        self.replace(module, "_sendback_result", self._send_back)

    def remove(self) -> None:
        super().remove()
        call_item = self.__dict__.pop("_call_item", None)
        if call_item is not None and "__setstate__" in call_item.__dict__:
            del call_item.__setstate__

    # Thread pools.

    def _submit_to_thread(self, original: Any) -> Any:
        def init(item: Any, *args: Any, **kwargs: Any) -> None:
            original(item, *args, **kwargs)
            recorder = recording.current
            if recorder is not None:
                try:
                    serial = recorder.serial("job")
                    name = self._write_submit(recorder, serial, _function_of(item), _executor_of(_getframe(1)))
                    item.future._tracekit_job = (recorder, serial, name, False)
                except Exception as error:
                    self.fail(error)

        return init

    def _begin(self, original: Any) -> Any:
        def set_running_or_notify_cancel(future: Any) -> Any:
            running = original(future)
            job = future.__dict__.get("_tracekit_job")
            if job is not None and running:
                try:
                    recorder, serial, name, _ = job
                    future._tracekit_job = (recorder, serial, name, True)
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

    def _end(self, future: Any, outcome: int, exception: Any = None) -> None:
        job = future.__dict__.pop("_tracekit_job", None)
        if job is not None and job[3]:  # a job that fails before it has begun (its pool is broken) has no run to end
            try:
                recorder, serial, *_ = job
                recorder.write(events.JOB_END, outcome, serial, _error(recorder, exception))
            except Exception as error:
                self.fail(error)

    # Process pools.

    def _submit_to_process(self, original: Any) -> Any:
        def init(item: Any, *args: Any, **kwargs: Any) -> None:
            original(item, *args, **kwargs)
            recorder = recording.current
            if recorder is not None:
                try:
                    # The pool's own number of the job, which its worker will see; the caller is `submit`, under its lock.
                    executor = _executor_of(_getframe(1))
                    work = (events.WORK, executor._queue_count)
                    self._write_submit(recorder, recorder.serial("job"), item.fn, executor, work)
                except Exception as error:
                    self.fail(error)

        return init

    def _spawn(self, original: Any) -> Any:
        def spawn_process(executor: Any) -> Any:
            before = set(executor._processes)
            result = original(executor)
            recorder = recording.current
            if recorder is not None:
                try:
                    for pid in set(executor._processes) - before:
                        recorder.write(events.POOL_WORKER, 0, pid, [_executor_detail(recorder, executor)])
                except Exception as error:
                    self.fail(error)
            return result

        return spawn_process

    @property
    def _arrive(self) -> Any:
        def setstate(item: Any, state: dict[str, Any]) -> None:
            item.__dict__.update(state)
            recorder = recording.current
            if recorder is not None:
                try:
                    code = code_of(item.fn)
                    details = None if code is None else [(events.CODE, recorder.intern(code))]
                    name = recorder.intern(name_of(item.fn))
                    recorder.write(events.REMOTE_JOB_BEGIN, name, item.work_id & 0xFFFF_FFFF, details)
                except Exception as error:
                    self.fail(error)

        return setstate

    def _send_back(self, original: Any) -> Any:
        def sendback_result(result_queue: Any, work_id: int, *args: Any, **kwargs: Any) -> None:
            recorder = recording.current
            if recorder is not None:
                try:
                    exception = kwargs.get("exception")
                    cause = getattr(exception, "exc", exception)
                    outcome = events.OUTCOME_DONE if exception is None else events.OUTCOME_FAILED
                    recorder.write(events.REMOTE_JOB_END, outcome, work_id & 0xFFFF_FFFF, _error(recorder, cause))
                except Exception as error:
                    self.fail(error)
            original(result_queue, work_id, *args, **kwargs)

        return sendback_result

    def _write_submit(
        self, recorder: Recorder, serial: int, function: Any, executor: Any, work: tuple[int, int] | None = None
    ) -> str:
        name, code = name_of(function), code_of(function)
        details: Details = []
        if code is not None:
            details.append((events.CODE, recorder.intern(code)))
        if executor is not None:
            details.append(_executor_detail(recorder, executor))
        if work is not None:
            details.append(work)
        recorder.write(events.JOB_SUBMIT, recorder.intern(name), serial, details)
        return name


def _function_of(item: Any) -> Any:
    """The function of a work item; since 3.14 it keeps function and arguments in one tuple."""
    return item.task[0] if hasattr(item, "task") else item.fn


def _executor_of(frame: Any) -> Any:
    """The executor whose `submit` runs in this frame."""
    return frame.f_locals.get("self")


def _executor_detail(recorder: Recorder, executor: Any) -> tuple[int, int]:
    known = getattr(executor, "_tracekit_executor", None)
    if known is None or known[0] is not recorder:
        known = executor._tracekit_executor = (recorder, recorder.serial("executor"))
    return events.EXECUTOR | recorder.intern(type(executor).__name__) << 8, known[1]


def _error(recorder: Recorder, exception: Any) -> Details | None:
    return None if exception is None else [(events.ERROR, recorder.intern(type(exception).__name__))]
