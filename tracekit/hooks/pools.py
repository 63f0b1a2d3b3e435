"""The hook for multiprocessing's pools, of processes and of threads: jobs, their pieces, and where each of these ran.

Knows only the recorder and `multiprocessing.pool`. A pool numbers its jobs, and the pieces of each (the chunks of a map);
its workers see both numbers.
"""

from __future__ import annotations

from _thread import _local
from _weakref import ref
from sys import _getframe

from tracekit import events
from tracekit.hooks.imports import when_imported
from tracekit.hooks.job_records import WORK_MASK, about, error_details, executor_details, watch, write_submit
from tracekit.hooks.patch import Hook
from tracekit.hooks.pickling import Gate, Pickling
from tracekit.hooks.pool_workers import on_begin
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

_MOST_FRAMES = 4  # from the making of a result to the method of the pool that was called


class _Here(_local):
    """Whether the calling thread is a worker that was seen to take a task."""

    running = False


class PoolsHook(Hook):
    """Replaces leaves: the making of a result (submit) and its setting; in workers, what takes a task and puts a result."""

    name = "pools"

    def __init__(self) -> None:
        super().__init__()
        self._pickling = Pickling(self.fail)
        self._here = _Here()

    def install(self) -> None:
        when_imported("multiprocessing.pool", self, self._install)

    def _install(self, module: ModuleType) -> None:
        self._module = module
        self.replace(module.ApplyResult, "__init__", self._submit)
        self.replace(module.MapResult, "__init__", self._submit)
        self.replace(module.IMapIterator, "__init__", self._submit)
        for kind in (module.ApplyResult, module.MapResult, module.IMapIterator, module.IMapUnorderedIterator):
            self.replace(kind, "_set", self._set)
        self.replace(module.IMapIterator, "_set_length", self._set_length)
        self.replace(module.Pool, "_repopulate_pool_static", self._repopulate)
        self.replace(module.Pool, "_setup_queues", self._set_up_processes)
        self.replace(module.ThreadPool, "_setup_queues", self._set_up_threads)
        on_begin(self, module.worker, self._begin_worker)

    def remove(self) -> None:
        super().remove()
        self._pickling.release()

    # Where it is submitted.

    def _submit(self, original: Any) -> Any:
        def init(result: Any, pool: Any, *args: Any, **kwargs: Any) -> None:
            original(result, pool, *args, **kwargs)
            recorder = recording.current
            try:
                # A MapResult comes by here twice, and one of nothing is ready at once.
                twice = isinstance(result, self._module.MapResult) and original.__qualname__ == "ApplyResult.__init__"
                if recorder is None or twice or _is_ready(result):
                    return
                function, lazy = _called(_getframe(1))
                self._tap(pool)
                serial = recorder.serial("job")
                work = [(events.WORK, result._job & WORK_MASK), *([(events.LAZY, 0)] if lazy else [])]
                write_submit(recorder, serial, function, _executor(recorder, pool), work)
                result._tracekit_job = recorder, serial
                alive = ref(result)

                def find() -> tuple[Recorder, int] | None:
                    waited_for = alive()
                    return (recorder, serial) if waited_for is not None and _is_ready(waited_for) else None

                condition = getattr(result, "_cond", None)
                watch(result._event._cond if condition is None else condition, find, self.fail)
            except Exception as error:
                self.fail(error)

        return init

    def _set_up_processes(self, original: Any) -> Any:
        def setup_queues(pool: Any) -> None:
            original(pool)
            try:
                self._tap(pool)  # before its threads begin to wait there
            except Exception as error:
                self.fail(error)

        return setup_queues

    def _tap(self, pool: Any) -> None:
        """See what goes through the pipes of a pool of processes."""
        sender, receiver = getattr(pool._inqueue, "_writer", None), getattr(pool._outqueue, "_reader", None)
        if sender is None or receiver is None:
            return
        alive = ref(pool)

        def details() -> Details:
            recorder, found = recording.current, alive()
            return [] if recorder is None or found is None else _executor(recorder, found)[:1]

        self._pickling.tap_sender(sender, details, task=True)
        self._pickling.tap_results(receiver, details)

    def _set(self, original: Any) -> Any:
        def _set(result: Any, index: Any, outcome: Any) -> None:
            try:
                work = (events.WORK, result._job & WORK_MASK), (events.INDEX, index)
                self._pickling.end(events.UNPICKLE_RESULT, *work)
                if not outcome[0]:
                    self._pickling.give_up(outcome[1])  # the job itself could not be pickled
            except Exception as error:
                self.fail(error)
            original(result, index, outcome)
            # The end is written after those who wait have been told, so that whom that wakes is seen to be woken by the job.
            self._tell(result, outcome)

        return _set

    def _set_length(self, original: Any) -> Any:
        def _set_length(result: Any, length: int) -> None:
            original(result, length)
            self._tell(result, (True, None))

        return _set_length

    def _tell(self, result: Any, outcome: Any) -> None:
        """A result is set; whether that was its last piece it says itself."""
        job = result.__dict__.get("_tracekit_job")
        if job is None or result._pool is not None:
            return
        try:
            recorder, serial = job
            done = getattr(result, "_success", outcome[0])
            error = None if done else getattr(result, "_value", outcome[1])
            how = events.OUTCOME_DONE if done else events.OUTCOME_FAILED
            recorder.write(events.JOB_TOLD, how, serial, error_details(recorder, error))
        except Exception as failure:
            self.fail(failure)

    def _repopulate(self, original: Any) -> Any:
        def repopulate_pool_static(*args: Any, **kwargs: Any) -> Any:
            workers: list[Any] = args[3] if len(args) > 4 else []
            before = set(map(id, workers))
            returned = original(*args, **kwargs)
            recorder = recording.current
            if recorder is not None and len(args) > 4:
                try:
                    limit, queue = args[2], args[4]
                    pool = _getframe(1).f_locals.get("self")
                    name = "Pool" if pool is None else type(pool).__name__
                    for worker in workers:
                        pid = None if id(worker) in before else getattr(worker, "pid", None)
                        if pid is not None:
                            details = executor_details(recorder, queue, name, None)
                            details.append((events.WORKERS, limit))
                            recorder.write(events.POOL_WORKER, events.WORKER_TERMINATED, pid, details)
                except Exception as error:
                    self.fail(error)
            return returned

        return repopulate_pool_static

    # Where it runs.

    def _begin_worker(self, tasks: Any, results: Any, *_: Any) -> None:
        """In a worker process, before anything else."""
        if getattr(tasks, "_reader", None) is None or getattr(results, "_wlock", None) is None:
            return  # queues of another kind
        self._pickling.tap_jobs(tasks._reader)
        results._wlock = Gate(results._wlock, self._pickling)
        take, put = tasks.get, results.put

        def get() -> Any:
            task = take()
            self._take(task, [])
            return task

        def put_result(result: Any) -> None:
            self._finish(result)
            self._begin_result(result)
            try:
                put(result)
            except BaseException as error:
                self._pickling.give_up(error)
                raise

        tasks.get, results.put = get, put_result

    def _set_up_threads(self, original: Any) -> Any:
        def setup_queues(pool: Any) -> None:
            original(pool)
            try:
                if recording.current is not None:
                    tasks, results = self._make_queues()
                    pool._inqueue, pool._quick_put = tasks, tasks.put
                    pool._outqueue, pool._quick_get = results, results.get
            except Exception as error:
                self.fail(error)

        return setup_queues

    def _make_queues(self) -> tuple[Any, Any]:
        """Queues of a pool of threads that say what its workers take and put."""
        take, finish = self._take, self._finish

        class Tasks(self._module.queue.SimpleQueue):  # type: ignore[misc, name-defined]
            def get(self, block: bool = True, timeout: float | None = None) -> Any:
                task = super().get(block, timeout)
                known = getattr(self, "_tracekit_executor", None)
                if block and known is not None and known[0] is recording.current:
                    take(task, [known[1]])
                return task

        class Results(self._module.queue.SimpleQueue):  # type: ignore[misc, name-defined]
            def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
                finish(item)
                super().put(item, block, timeout)

        return Tasks(), Results()

    def _take(self, task: Any, executor: Details) -> None:
        """A worker has got a task: a job, or a piece of one."""
        recorder = recording.current
        if recorder is None or task is None:
            return
        try:
            work, index, function, items = _read(self._module, task)
            self._pickling.end(events.UNPICKLE_JOB, (events.WORK, work), (events.INDEX, index))
            name, place, _ = about(recorder, function)
            details = [*place, *executor, (events.INDEX, index), *items]
            recorder.write(events.REMOTE_JOB_BEGIN, name, work, details)
            self._here.running = True
        except Exception as error:
            self.fail(error)

    def _finish(self, result: Any) -> None:
        """It has run."""
        recorder = recording.current
        if recorder is None or result is None or not self._here.running:
            return
        self._here.running = False
        try:
            job, _, (done, value) = result
            how = events.OUTCOME_DONE if done else events.OUTCOME_FAILED
            error = None if done else error_details(recorder, getattr(value, "exc", value))
            recorder.write(events.REMOTE_JOB_END, how, job & WORK_MASK, error)
        except Exception as failure:
            self.fail(failure)

    def _begin_result(self, result: Any) -> None:
        try:
            if result is not None:
                self._pickling.begin(
                    events.PICKLE_RESULT, (events.WORK, result[0] & WORK_MASK), (events.INDEX, result[1])
                )
        except Exception as error:
            self.fail(error)


def _is_ready(result: Any) -> bool:
    """Whether whoever waits for it has something to go on with."""
    event = getattr(result, "_event", None)
    return bool(result._items or result._index == result._length) if event is None else bool(event.is_set())


def _called(frame: FrameType | None) -> tuple[Any, bool]:
    """The function that the method of a pool was given, and whether that makes its pieces one after another."""
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        if "func" in frame.f_locals:
            return frame.f_locals["func"], "imap" in frame.f_code.co_name
        frame = frame.f_back
    return None, False


def _executor(recorder: Recorder, pool: Any) -> Details:
    # A pool of threads that was there before has a queue that takes no attributes.
    holder = pool._inqueue if hasattr(pool._inqueue, "__dict__") else pool
    return executor_details(recorder, holder, type(pool).__name__, pool._processes)


def _read(module: ModuleType, task: Any) -> tuple[int, int, Any, Details]:
    """The numbers of a task, the user's function in it, and how many calls of that it makes where it is a chunk of a map."""
    job, index, function, args, _ = task
    if function in (module.mapstar, module.starmapstar):
        function, batch = args[0]
        return job & WORK_MASK, index, function, [(events.ITEMS, len(batch))]
    return job & WORK_MASK, index, function, []
