"""What can wake a task: a tiny program each, and what its trace must say of the cause. Knows no trace.

`kind` is the kind of the cause of the wait that the marked line makes. `by` is who woke it, by name.
`outcome` is the task's, and `cancelled_by` who cancelled it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

from asyncio_matrix.awaits import A_WHILE
from asyncio_matrix.rows import Table

ROWS = wakes = Table()


def task(function: Callable[..., object], *arguments: Any, name: str) -> asyncio.Task[None]:
    """A task that does nothing but call a function in its only step."""

    async def only_step() -> None:
        function(*arguments)

    return asyncio.create_task(only_step(), name=name)


def new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@wakes(by="task setter", kind="set_result")
async def woken_by_set_result() -> None:
    future = new_future()
    setter = task(future.set_result, None, name="setter")
    await future  # here
    await setter


@wakes(by="task failer", kind="set_result")
async def woken_by_set_exception() -> None:
    future = new_future()
    failer = task(future.set_exception, LookupError(), name="failer")
    try:
        await future  # here
    except LookupError:
        await failer


@wakes(by="callback Future.set_result", kind="set_result")
async def woken_by_callback() -> None:
    future = new_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future  # here


@wakes(by="task putter", kind="queue put")
async def woken_by_queue_put() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    putter = task(queue.put_nowait, 1, name="putter")
    await queue.get()  # here
    await putter


@wakes(by="task getter", kind="queue get")
async def woken_by_queue_get() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(1)
    getter = task(queue.get_nowait, name="getter")
    await queue.put(2)  # here
    await getter


@wakes(by="task releaser", kind="lock release")
async def woken_by_lock_release() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    releaser = task(lock.release, name="releaser")
    await lock.acquire()  # here
    await releaser


@wakes(by="task announcer", kind="event set")
async def woken_by_event_set() -> None:
    event = asyncio.Event()
    announcer = task(event.set, name="announcer")
    await event.wait()  # here
    await announcer


@wakes(kind="timer")
async def woken_by_timer() -> None:
    await asyncio.sleep(A_WHILE)  # here


@wakes(kind="task done")
async def woken_by_task() -> None:
    await task(int, name="the one that ends")  # here


@wakes(kind="I/O")
async def woken_by_readiness() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        asyncio.get_running_loop().call_soon(theirs.send, b"x")
        await asyncio.get_running_loop().sock_recv(ours, 1)  # here


@wakes(kind="I/O")
async def woken_by_stream() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    asyncio.get_running_loop().call_soon(theirs.send, b"x")
    await reader.read(1)  # here
    theirs.close()
    writer.close()


@wakes(kind="another thread")
async def woken_by_thread() -> None:
    loop, future = asyncio.get_running_loop(), new_future()
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_result, None), name="caller")
    loop.call_soon(thread.start)
    await future  # here
    thread.join()


@wakes(kind="executor job")
async def woken_by_executor_job() -> None:
    gate = threading.Event()
    asyncio.get_running_loop().call_soon(gate.set)
    await asyncio.get_running_loop().run_in_executor(None, gate.wait)  # here


@wakes(by="task canceller", kind="cancelled", outcome="cancelled", cancelled_by="task canceller")
async def woken_by_cancellation() -> None:
    this = asyncio.current_task()
    assert this is not None
    task(this.cancel, name="canceller")
    await new_future()  # here


@wakes(by="task canceller of a sleep", kind="cancelled", outcome="cancelled", cancelled_by="task canceller of a sleep")
async def woken_by_cancellation_of_a_sleep() -> None:
    this = asyncio.current_task()
    assert this is not None
    task(this.cancel, name="canceller of a sleep")
    await asyncio.sleep(60)  # here


@wakes(by="task one", kind="cancelled", outcome="cancelled", cancelled_by="task canceller of a task")
async def woken_by_cancellation_of_a_task() -> None:
    this = asyncio.current_task()
    assert this is not None
    one = asyncio.create_task(asyncio.sleep(60), name="one")
    task(this.cancel, name="canceller of a task")
    await one  # here


@wakes(kind="task done", outcome="cancelled", cancelled_by="task canceller of a gather")
async def woken_by_cancellation_of_a_gather() -> None:
    this = asyncio.current_task()
    assert this is not None
    several = [asyncio.create_task(asyncio.sleep(60)) for _ in range(2)]
    task(this.cancel, name="canceller of a gather")
    await asyncio.gather(*several)  # here


@wakes(kind="task done", outcome="cancelled", cancelled_by="task canceller of one")
async def woken_by_cancellation_of_one_of_a_gather() -> None:
    one = asyncio.create_task(asyncio.sleep(60))
    task(one.cancel, name="canceller of one")
    await asyncio.gather(one, asyncio.sleep(0))  # here


@wakes(kind="task done", outcome="cancelled", cancelled_by="")  # what has not begun yet hides who cancels it
async def woken_by_cancellation_of_what_has_not_begun() -> None:
    this = asyncio.current_task()
    assert this is not None
    task(this.cancel, name="canceller of what has not begun")
    await asyncio.gather(asyncio.sleep(60))  # here


@wakes(kind="cancelled", since=(3, 11), outcome="done")
async def woken_by_timeout() -> None:
    try:
        async with asyncio.timeout(A_WHILE):
            await new_future()  # here
    except TimeoutError:
        pass


@wakes(outcome="done")  # until 3.11 by the timer itself, from 3.12 on by a cancellation of that
async def woken_by_wait_for() -> None:
    try:
        await asyncio.wait_for(new_future(), A_WHILE)  # here
    except asyncio.TimeoutError:
        pass
