"""Wait names: what a thread's wait is called: "Lock.acquire", "Event.wait", "queue.Queue.get". Knows functions, and no record.

The recorder says which function of the library waits, of those within each other the outermost; one table says what that
means. Names are those of Python 3.10 to 3.13; 3.10 gives them without their class, which the line tells then.
"""

from __future__ import annotations

from tracekit.model.lock_words import IDLE
from tracekit.spool.layout import parse_code

_JOIN = "Thread.join"
_THREAD = "Thread"  # 3.13: what is waited for is the thread, up to 3.12 a lock that it takes when it starts
_TAKES_IT = "_set_tstate_lock"
BY_CLASS = ""

# By the file below the standard library: what stands before the name, and what is called otherwise than by its own name.
_LIBRARY: dict[str, tuple[str, dict[str, str]]] = {
    "threading.py": (
        "",
        {
            "BoundedSemaphore.acquire": "Semaphore.acquire",
            "Thread._wait_for_tstate_lock": _JOIN,
            "_MainThread.join": _JOIN,
            "_DummyThread.join": _JOIN,
            "_RLock.acquire": "RLock.acquire",
            "_shutdown": _JOIN,
        },
    ),
    "queue.py": ("queue.", {"_PySimpleQueue.get": "SimpleQueue.get"}),
    "futures/_base.py": (
        "",
        {
            "wait": "futures.wait",
            "as_completed": "futures.as_completed",
            "Executor.__exit__": "Executor.shutdown",
            "Executor.map.<locals>.result_iterator": "Executor.map",
        },
    ),
    "futures/thread.py": ("", {"_worker": IDLE, "ThreadPoolExecutor.shutdown": "Executor.shutdown"}),
    "futures/process.py": ("", {"_process_worker": IDLE, "ProcessPoolExecutor.shutdown": "Executor.shutdown"}),
    "logging/__init__.py": ("logging.", {}),
    "multiprocessing/synchronize.py": ("multiprocessing.", {"SemLock.__enter__": BY_CLASS}),
    "multiprocessing/queues.py": ("multiprocessing.", {}),
    "multiprocessing/pool.py": ("multiprocessing.", {"worker": IDLE}),
    "multiprocessing/process.py": ("multiprocessing.", {"BaseProcess.join": "Process.join"}),
}
_OF_POOLS = ("__exit__", "_handle_results", "_handle_tasks", "_handle_workers", "apply", "join", "map", "starmap")
# 3.10: the classes of each file, by the line before which their functions lie.
_CLASSES_OF: dict[str, dict[str, tuple[tuple[int, str], ...]]] = {
    "threading.py": {
        "wait": ((400, "Condition"), (620, "Event"), (800, "Barrier")),
        "wait_for": ((400, "Condition"),),
        "acquire": ((220, "_RLock"), (520, "Semaphore")),
        "start": ((1300, "Thread"),),
        "join": ((1500, "Thread"),),
        "notify": ((410, "Condition"),),
        "notify_all": ((410, "Condition"),),
        "set": ((620, "Event"),),
        "_wait_for_tstate_lock": ((1500, "Thread"),),
    },
    "queue.py": {
        "join": ((255, "Queue"),),
        "put": ((255, "Queue"),),
        "get": ((255, "Queue"), (400, "_PySimpleQueue")),
    },
    "futures/_base.py": {
        "result": ((600, "Future"),),
        "exception": ((600, "Future"),),
        "result_iterator": ((700, "Executor.map.<locals>"),),
        "__exit__": ((700, "Executor"),),
    },
    "futures/thread.py": dict.fromkeys(("submit", "shutdown"), ((300, "ThreadPoolExecutor"),)),
    "futures/process.py": dict.fromkeys(("submit", "shutdown"), ((900, "ProcessPoolExecutor"),)),
    "multiprocessing/synchronize.py": {
        "__enter__": ((205, "SemLock"), (400, "Condition")),
        "wait": ((320, "Condition"), (400, "Event")),
        "wait_for": ((320, "Condition"),),
        "notify": ((320, "Condition"),),
        "set": ((400, "Event"),),
    },
    "multiprocessing/pool.py": dict.fromkeys(_OF_POOLS, ((750, "Pool"),)),
    "multiprocessing/queues.py": {
        "_feed": ((290, "Queue"),),
        "put": ((290, "Queue"), (335, "JoinableQueue"), (500, "SimpleQueue")),
        "get": ((335, "Queue"), (500, "SimpleQueue")),
        "join": ((335, "JoinableQueue"),),
    },
    "logging/__init__.py": {"acquire": ((2000, "Handler"),)},
}
# Where no function of the library is around it.
_CLASSES = {
    "SimpleQueue": "queue.SimpleQueue.get",
    "SemLock": "multiprocessing.SemLock.acquire",
    _THREAD: _JOIN,
    "lock": "Lock.acquire",
}


def wait_name(where: str, what: str, class_name: str) -> str:
    """What a wait is called.

    Args:
        where, what: texts of `layout.code_text`: the user's frame, and the function of the library; "" where there is none.
        class_name: of what is waited for.
    """
    function, file, line = parse_code(what)
    is_users = not function or (function, file) == parse_code(where)[:2]
    called = BY_CLASS if is_users else _of_function(function, file, line)
    return called or _CLASSES.get(class_name) or f"{class_name}.acquire"


def is_join(class_name: str, held_at: str) -> bool:
    """Whether what is waited for is the end of a thread.

    Args:
        class_name: of what is waited for.
        held_at: a text of `layout.code_text`: where it was taken.
    """
    return class_name == _THREAD or parse_code(held_at)[0].endswith(_TAKES_IT)


def _of_function(function: str, file: str, line: int) -> str:
    parts = file.replace("\\", "/").split("/")
    module = next((name for name in ("/".join(parts[-2:]), parts[-1]) if name in _LIBRARY), "")
    prefix, names = _LIBRARY.get(module, ("", {}))
    classes = _CLASSES_OF.get(module, {}).get(function, ())
    name = next((f"{owner}.{function}" for below, owner in classes if line < below), function)
    called = names.get(name, name)
    return called if called in (IDLE, BY_CLASS) else prefix + called
