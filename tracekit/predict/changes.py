"""Changes: how a program goes from one model to another, in the words of its author's editor. Knows no number and no trace."""

from __future__ import annotations

MOST_THREADS = 64

_ONE_EACH = {"threads": "a thread for each", "processes": "a process for each"}
_GATHER = "`await asyncio.gather(...)`, or a task for each in an `asyncio.TaskGroup` (Python 3.11)"
_AT_ONCE = {
    "trio": "`nursery.start_soon(...)` for each, in one `trio.open_nursery()`",
    "gevent hub": "`gevent.joinall([gevent.spawn(...) for ...])`",
}
_APART = " Make that part a plain function first, here `{}`."


def if_independent(change: str, parts: str = "calls") -> str:
    """The same of parts that went on one after another, for all that the trace says because one needs what another gave."""
    return f"If the {parts} do not depend on each other, which the trace does not say: {change[:1].lower()}{change[1:]}"


def to_model(now: str, model: str, what: str, name: str, many: int, workers: int = 0, most: int = MOST_THREADS) -> str:
    """What to change so that alike parts of a program run under another model.

    Args:
        now: the model that it runs under.
        what: what these parts run, as a person finds it; `name` is the function.
        many: how many there are; `workers`: how many the pool has that runs them, 0 where that is not known.
        most: threads that are of use at once.
    """
    if now.startswith("asyncio"):
        return out_of_loop(what, name, model == "asyncio+processes")
    if model == "asyncio":
        return f"Make {what} a coroutine, and await all {many} at once: `await asyncio.gather(*({name}(...) for ...))`."
    if model.startswith("asyncio+"):
        pool = "a process pool" if model == "asyncio+processes" else "threads"
        return f"Make {what} a coroutine that awaits what waits and gives what computes to {pool}, and await all {many} at once."
    if model in ("process-pool", "processes"):
        return _to_processes(now, what, name, many)
    size = min(most, many) if model == "threads" or most < MOST_THREADS else ""
    pool = f"ThreadPoolExecutor({size})"
    if now == "thread-pool" and workers and workers < min(most, many):
        return f"Let more threads run {what}: `{pool}` in place of one of {workers}."
    if now in ("thread-pool", "process-pool"):
        return f"Let `{pool}` run {what}, in place of the pool that does."
    if now in _ONE_EACH:
        return f"Let `{pool}` run the {many} of {what}, in place of {_ONE_EACH[now]}."
    mapped = f"`with {pool} as pool: results = list(pool.map({name}, ...))`"
    return f"Run the {many} calls of {what} side by side in threads: {mapped}."


def _to_processes(now: str, what: str, name: str, many: int) -> str:
    if now == "threads":
        those = f"the {many} threads {what} compute" if many > 1 else f"the thread {what} computes"
        return (
            f"Give what {those} to processes: `with ProcessPoolExecutor() as pool: pool.submit(...)` in place of "
            "`Thread(target=...)`."
        )
    if now == "thread-pool":
        return f"Make the pool that runs {what} a `ProcessPoolExecutor()`."
    if now == "processes":
        return (
            f"Give the {many} calls of {what} to a pool, whose workers are started once: `with ProcessPoolExecutor() as pool: "
            f"results = list(pool.map({name}, ...))`, in place of a process for each."
        )
    mapped = f"`with ProcessPoolExecutor() as pool: results = list(pool.map({name}, ...))`"
    return f"Run the {many} calls of {what} in processes: {mapped}."


def larger_pool(what: str, many: int, workers: int) -> str:
    """What to change so that more of what waits in a loop's threads waits at once."""
    those = f" in place of {workers}" if workers else ""
    return (
        f"Let more threads run {what}{those}: `loop.set_default_executor(ThreadPoolExecutor({min(MOST_THREADS, many)}))`; or "
        "await it without a thread, where the library has a way."
    )


def at_once(who: str, loop: str) -> str:
    """What to change so that what is awaited one after another is awaited at once, if it may be.

    Args:
        loop: the class of the event loop, "trio" or "gevent hub".
    """
    how = _AT_ONCE.get(loop, _GATHER)
    return f"If what {who} awaits one after another does not depend on each other, await it at once: {how}."


def side_by_side(what: str, many: int, most: int = MOST_THREADS) -> str:
    """What to change so that other programs, started one after another, run at once."""
    return (
        f"Start the {many} programs that {what} starts before you wait for the first: all with `subprocess.Popen(...)`, then "
        f"`wait()` for each; or run that line in `ThreadPoolExecutor({min(most, many)})`."
    )


def out_of_loop(what: str, name: str, to_process: bool, is_coroutine: bool = False) -> str:
    """What to change so that something no longer runs on an event loop.

    Args:
        is_coroutine: whether it is one, so that only a part of it can go elsewhere.
    """
    call = "compute" if is_coroutine else name
    apart = _APART.format(call) if is_coroutine else ""
    if to_process:
        pool = f"`await loop.run_in_executor(ProcessPoolExecutor(1), {call}, ...)`"
        return f"Move what {what} computes out of the event loop, into a process pool that is made once: {pool}.{apart}"
    return f"Move what {what} does on the event loop into a thread: `await asyncio.to_thread({call}, ...)`.{apart}"
