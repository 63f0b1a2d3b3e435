"""Job records: what the hooks for executors and pools write of a job that all kinds of them have. Knows no executor.

A result's waiters are seen where they come back from waiting, by a leaf of the very condition that they wait on: no class and
no other condition is touched.
"""

from __future__ import annotations

from tracekit import events
from tracekit.hooks.code import code_of, name_of
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    from tracekit.record.recorder import Recorder
    from tracekit.spool.buffer import Details

WORK_MASK = 0xFFFF_FFFF

_MOST_KNOWN = 10_000
_known: dict[int, tuple[CodeType, Recorder, tuple[int, Details, str]]] = {}


def write_submit(recorder: Recorder, serial: int, function: Any, executor: Details, more: Details = ()) -> str:  # type: ignore[assignment]
    """Write that a job was submitted by this thread; returns its name.

    Args:
        executor: what `executor_details` returned.
        more: further details.
    """
    number, place, name = about(recorder, function)
    recorder.write(events.JOB_SUBMIT, number, serial, [*place, *executor, *more])
    return name


def about(recorder: Recorder, function: Any) -> tuple[int, Details, str]:
    """What a job is called (the id of that), where its function is defined (nothing for what is not Python's), its name."""
    code = None if hasattr(function, "__wrapped__") else getattr(function, "__code__", None)
    # As in code.py, codes are known by their address, and held.
    known = _known.get(id(code))
    if known is None or known[0] is not code or known[1] is not recorder:
        name, place = name_of(function), code_of(function)
        said = recorder.intern(name), [] if place is None else [(events.CODE, recorder.intern(place))], name
        if code is None:
            return said
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        known = _known[id(code)] = code, recorder, said
    return known[2]


def forget() -> None:
    """Hold no function and no recorder any more."""
    _known.clear()


def executor_details(recorder: Recorder, holder: Any, name: str, workers: int | None) -> Details:
    """The executor as details, with the number of its workers when it is seen for the first time.

    Args:
        holder: an object of the executor's own that takes attributes; its number is kept there.
        name: of its class.
        workers: how many it may have, None where that is not known.
    """
    known = getattr(holder, "_tracekit_executor", None)
    if known is not None and known[0] is recorder:
        return [known[1]]
    detail = events.EXECUTOR | recorder.intern(name) << 8, recorder.serial("executor")
    holder._tracekit_executor = recorder, detail
    return [detail] if workers is None else [detail, (events.WORKERS, workers)]


def error_details(recorder: Recorder, exception: Any) -> Details | None:
    """The class of an exception as a detail; None for None."""
    return None if exception is None else [(events.ERROR, recorder.intern(type(exception).__name__))]


def watch(
    condition: Any, find: Callable[[], tuple[Recorder, int] | None], fail: Callable[[BaseException], None]
) -> None:
    """Have every thread that comes back from waiting on a condition say whose result it goes on with.

    Args:
        condition: a threading.Condition of one result.
        find: asked then; the recorder and the serial of the job, or None where there is no result.
        fail: told what goes wrong.
    """
    # One over a plain lock has this as a method of its own: a reference to that would be a circle.
    restore = condition.__dict__.get("_acquire_restore")
    acquire = condition._lock.acquire

    def acquire_restore(state: Any) -> None:
        if restore is None:
            acquire()
        else:
            restore(state)
        try:
            job = find()
            if job is not None and job[0] is recording.current:
                job[0].write(events.RESULT_TAKEN, 0, job[1])
        except Exception as error:
            fail(error)

    condition._acquire_restore = acquire_restore
