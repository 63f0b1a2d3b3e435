"""Awaits: what a library function's await is called: "lock", "sleep", "queue.get". Knows names of functions, and no record.

The recorder says in which function a task stands; one table says what that means. Names are those of Python 3.10 to 3.13.
"""

from __future__ import annotations

from typing import NamedTuple

from tracekit.model.trace import Args
from tracekit.spool.layout import parse_code

UNKNOWN = ""
FUTURE = "future"
EXECUTOR_JOB = "executor job"
AS_COMPLETED = "as_completed"
GATHER = "gather"

# By the file below the standard library, then by the qualified name: of the function, else of its class, else any.
_LIBRARY: dict[str, dict[str, str]] = {
    "asyncio/tasks.py": {
        "sleep": "sleep",
        "wait": "wait",
        "_wait": "wait",
        "wait_for": "wait_for",
        "_cancel_and_wait": "wait_for",
        "as_completed": AS_COMPLETED,
        "_AsCompletedIterator": AS_COMPLETED,
        "gather": GATHER,
        "shield": "shield",
    },
    "asyncio/locks.py": {
        "Lock": "lock",
        "Event": "event",
        "Condition": "condition",
        "Semaphore": "semaphore",
        "BoundedSemaphore": "semaphore",
        "Barrier": "barrier",
    },
    "asyncio/queues.py": {"Queue.get": "queue.get", "Queue.put": "queue.put", "Queue.join": "queue.join"},
    "asyncio/taskgroups.py": {"TaskGroup": "task group"},
    "asyncio/timeouts.py": {"timeout": "timeout", "timeout_at": "timeout", "Timeout": "timeout"},
    "asyncio/threads.py": {"to_thread": EXECUTOR_JOB},
    "asyncio/streams.py": {
        "StreamReader": "stream read",
        "StreamWriter": "stream drain",
        "StreamWriter.wait_closed": "stream close",
        "FlowControlMixin": "stream drain",
        "": "socket",
    },
    "asyncio/base_events.py": {
        "BaseEventLoop.run_in_executor": EXECUTOR_JOB,
        "BaseEventLoop.shutdown_default_executor": "shutdown_default_executor",
        "BaseEventLoop.shutdown_asyncgens": "shutdown_asyncgens",
        "BaseEventLoop.connect_read_pipe": "pipe",
        "BaseEventLoop.connect_write_pipe": "pipe",
        "BaseEventLoop.subprocess_exec": "subprocess",
        "BaseEventLoop.subprocess_shell": "subprocess",
        "BaseEventLoop": "socket",
        "Server": "server",
        "_SendfileFallbackProtocol": "socket",
    },
    "asyncio/selector_events.py": {"": "socket"},
    "asyncio/proactor_events.py": {"": "socket"},
    "asyncio/sslproto.py": {"": "socket"},
    "asyncio/staggered.py": {"": "socket"},
    "asyncio/unix_events.py": {"_UnixSelectorEventLoop._make_subprocess_transport": "subprocess", "": "socket"},
    "asyncio/base_subprocess.py": {"": "subprocess"},
    "asyncio/subprocess.py": {"": "subprocess"},
}
# Callbacks that are part of what was awaited, where the function that waits does not tell.
_CALLBACKS = {
    "gather.<locals>._done_callback": GATHER,
    "shield.<locals>._inner_done_callback": "shield",
    "as_completed.<locals>._on_completion": AS_COMPLETED,
    "as_completed.<locals>._on_timeout": AS_COMPLETED,
    "_AsCompletedIterator._handle_completion": AS_COMPLETED,
    "_AsCompletedIterator._handle_timeout": AS_COMPLETED,
}
_CLASSES = {
    "_GatheringFuture": GATHER,
    "_SyncSocketReaderFuture": "socket",  # uvloop's
    "_SyncSocketWriterFuture": "socket",
}


class Await(NamedTuple):
    """What a task waits for, and the user's line that does; "" and 0 where that is not known."""

    what: str
    function: str = ""
    file: str = ""
    line: int = 0

    def args(self) -> Args:
        """As arguments of a slice."""
        shown: Args = {"what": self.what} if self.what else {}
        if self.function:
            shown.update(function=self.function, file=self.file, line=self.line)
        return shown


def read(where: str, what: str, awaited: str) -> Await:
    """What a task waits for.

    Args:
        where, what: texts of `layout.code_text`: the user's frame, and the innermost function; "" where there is none.
        awaited: the name of the class of what is awaited, where that is neither asyncio's future nor its task.
    """
    place = parse_code(where)
    function, file, _ = parse_code(what)
    # Where the innermost function is the user's own, only the thing itself tells what it is.
    is_users = (function, file) == place[:2]
    called = UNKNOWN if is_users or not function else name_of(function, file)
    generic = called in (UNKNOWN, function)
    if awaited and generic:
        called = _CLASSES.get(awaited, called or awaited)
    return Await(called or FUTURE, *place)


def name_of(function: str, file: str) -> str:
    """What awaiting in this function is called; its own name for those of other libraries."""
    names = _LIBRARY.get("/".join(file.replace("\\", "/").rsplit("/", 2)[-2:]), {})
    outer = function.partition(".")[0]
    return names.get(function) or names.get(outer) or names.get("") or function


def awaited_through(callback: str) -> str:
    """What was awaited, where a callback of this name woke the task; "" where that tells nothing."""
    return _CALLBACKS.get(callback, "")
