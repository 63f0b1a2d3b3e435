"""The hook for process pools of concurrent.futures: what goes to their workers and comes back, and how it runs there.

Knows only the recorder and `concurrent.futures.process`. How a job ends in the process that submitted it executors.py sees.
"""

from __future__ import annotations

from _weakref import ref
from sys import _getframe

from tracekit import events
from tracekit.hooks.executors import executor_of, submitted
from tracekit.hooks.imports import when_imported
from tracekit.hooks.job_records import WORK_MASK, about, error_details
from tracekit.hooks.patch import Hook
from tracekit.hooks.pickling import Gate, Pickling
from tracekit.hooks.pool_workers import on_begin
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from tracekit.spool.buffer import Details


class ProcessPoolsHook(Hook):
    """Replaces leaves: the making of a work item (submit), the pickling of call and result items, the starting of workers.

    A worker has leaves of its own: the arrival of a call item, and the sending back of its result.
    """

    name = "process pools"

    def __init__(self) -> None:
        super().__init__()
        self._pickling = Pickling(self.fail)
        self._states: list[tuple[Any, str]] = []

    def install(self) -> None:
        when_imported("concurrent.futures.process", self, self._install)

    def _install(self, module: ModuleType) -> None:
        self.replace(module._WorkItem, "__init__", self._submit)
        self.replace(module.ProcessPoolExecutor, "_spawn_process", self._spawn)
        self.replace(module, "_sendback_result", self._send_back)
        self.replace(module._SafeQueue, "_on_queue_feeder_error", self._fail_to_pickle)
        # Where their class has no such methods, object's own do what these do.
        self._add(module._CallItem, "__getstate__", self._pickle_job)
        self._add(module._CallItem, "__setstate__", self._arrive)
        self._add(module._ResultItem, "__getstate__", self._pickle_result)
        self._add(module._ResultItem, "__setstate__", self._result_arrives)
        on_begin(self, module._process_worker, self._begin_worker)

    def _add(self, owner: Any, name: str, method: Any) -> None:
        if name not in owner.__dict__ and not self.gone:
            setattr(owner, name, method)
            self._states.append((owner, name))

    def remove(self) -> None:
        super().remove()
        while self._states:
            owner, name = self._states.pop()
            if name in owner.__dict__:
                delattr(owner, name)
        self._pickling.release()

    # In the process that submits.

    def _submit(self, original: Any) -> Any:
        def init(item: Any, *args: Any, **kwargs: Any) -> None:
            original(item, *args, **kwargs)
            recorder = recording.current
            if recorder is not None:
                try:
                    # The pool's own number of the job, which its worker will see; the caller is `submit`, under its lock.
                    executor = _getframe(1).f_locals["self"]
                    details = executor_of(recorder, executor)
                    self._tap(executor)
                    work = [(events.WORK, executor._queue_count & WORK_MASK), *_items(item)]
                    submitted(recorder, item.future, item.fn, details, self.fail, work)
                except Exception as error:
                    self.fail(error)

        return init

    def _tap(self, executor: Any) -> None:
        """See what goes through the pipes of a pool, and how large that is."""
        alive = ref(executor)

        def details() -> Details:
            recorder, found = recording.current, alive()
            return [] if recorder is None or found is None else executor_of(recorder, found)[:1]

        self._pickling.tap_sender(executor._call_queue._writer, details, task=False)
        self._pickling.tap_results(executor._result_queue._reader, details)

    def _spawn(self, original: Any) -> Any:
        def spawn_process(executor: Any) -> Any:
            before = set(executor._processes)
            result = original(executor)
            recorder = recording.current
            if recorder is not None:
                try:
                    for pid in set(executor._processes) - before:
                        recorder.write(events.POOL_WORKER, 0, pid, executor_of(recorder, executor, again=True))
                except Exception as error:
                    self.fail(error)
            return result

        return spawn_process

    @property
    def _pickle_job(self) -> Any:
        def getstate(item: Any) -> dict[str, Any]:
            try:
                self._pickling.begin(events.PICKLE_JOB, (events.WORK, item.work_id & WORK_MASK))
            except Exception as error:
                self.fail(error)
            state: dict[str, Any] = item.__dict__
            return state

        return getstate

    def _fail_to_pickle(self, original: Any) -> Any:
        def on_queue_feeder_error(queue: Any, error: Any, item: Any) -> None:
            try:
                self._pickling.give_up(error)
            except Exception as failure:
                self.fail(failure)
            original(queue, error, item)

        return on_queue_feeder_error

    @property
    def _result_arrives(self) -> Any:
        def setstate(item: Any, state: dict[str, Any]) -> None:
            item.__dict__.update(state)
            try:
                self._pickling.end(events.UNPICKLE_RESULT, (events.WORK, item.work_id & WORK_MASK))
            except Exception as error:
                self.fail(error)

        return setstate

    # In a worker.

    def _begin_worker(self, calls: Any, results: Any, *_: Any) -> None:
        self._pickling.tap_jobs(calls._reader)
        results._wlock = Gate(results._wlock, self._pickling)

    @property
    def _arrive(self) -> Any:
        def setstate(item: Any, state: dict[str, Any]) -> None:
            item.__dict__.update(state)
            recorder = recording.current
            if recorder is not None:
                try:
                    work = item.work_id & WORK_MASK
                    self._pickling.end(events.UNPICKLE_JOB, (events.WORK, work))
                    name, place, _ = about(recorder, item.fn)
                    recorder.write(events.REMOTE_JOB_BEGIN, name, work, [*place, *_items(item)])
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
                    recorder.write(events.REMOTE_JOB_END, outcome, work_id & WORK_MASK, error_details(recorder, cause))
                except Exception as error:
                    self.fail(error)
            original(result_queue, work_id, *args, **kwargs)

        return sendback_result

    @property
    def _pickle_result(self) -> Any:
        def getstate(item: Any) -> dict[str, Any]:
            try:
                self._pickling.give_up(None)  # the result itself could not be pickled: this is what stands for it
                self._pickling.begin(events.PICKLE_RESULT, (events.WORK, item.work_id & WORK_MASK))
            except Exception as error:
                self.fail(error)
            state: dict[str, Any] = item.__dict__
            return state

        return getstate


def _items(item: Any) -> Details:
    """How many calls a work or call item makes, where `map` has put several into one."""
    if getattr(getattr(item.fn, "func", None), "__name__", "") != "_process_chunk":
        return []
    return [(events.ITEMS, len(item.args[0]))]
