"""What a task can await: a tiny program each, and what its trace must call it. Knows no trace.

`what` is what the marked line waits for, as the trace words it; `task` is which task, where it is one. Who ends the wait is
a callback, scheduled before it begins.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

from asyncio_matrix.rows import Table

import tracekit

ROWS = awaits = Table()

A_WHILE = 0.05  # seconds; a loop that takes its time only once a turn may already be that late when a timer is set


def soon(function: Callable[..., object], *arguments: Any) -> None:
    asyncio.get_running_loop().call_soon(function, *arguments)


def settled_soon() -> asyncio.Future[None]:
    future = asyncio.get_running_loop().create_future()
    soon(future.set_result, None)
    return future


async def yields() -> None:
    await asyncio.sleep(0)


@awaits(what="sleep")
async def sleep() -> None:
    await asyncio.sleep(A_WHILE)  # here


@awaits(what="future")
async def future() -> None:
    await settled_soon()  # here


@awaits(what="task the other one", task="the other one")
async def task() -> None:
    await asyncio.create_task(yields(), name="the other one")  # here


# Locks and their like.


@awaits(what="lock")
async def lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    soon(lock.release)
    await lock.acquire()  # here


@awaits(what="lock")
async def async_with() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    soon(lock.release)
    async with lock:  # here
        pass


@awaits(what="event")
async def event() -> None:
    event = asyncio.Event()
    soon(event.set)
    await event.wait()  # here


@awaits(what="condition")
async def condition() -> None:
    condition = asyncio.Condition()

    async def notify() -> None:
        async with condition:
            condition.notify()

    notifying = asyncio.create_task(notify())
    async with condition:
        await condition.wait()  # here
    await notifying


@awaits(what="semaphore")
async def semaphore() -> None:
    semaphore = asyncio.Semaphore(0)
    soon(semaphore.release)
    await semaphore.acquire()  # here


@awaits(what="barrier", since=(3, 11))
async def barrier() -> None:
    barrier = asyncio.Barrier(2)
    other = asyncio.create_task(barrier.wait())
    await barrier.wait()  # here
    await other


# Queues.


@awaits(what="queue.get")
async def queue_get() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    soon(queue.put_nowait, 1)
    await queue.get()  # here


@awaits(what="queue.put")
async def queue_put() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(1)
    soon(queue.get_nowait)
    await queue.put(2)  # here


@awaits(what="queue.join")
async def queue_join() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    queue.get_nowait()
    soon(queue.task_done)
    await queue.join()  # here


# Several at once.


@awaits(what="gather")
async def gather() -> None:
    await asyncio.gather(yields(), yields())  # here


@awaits(what="wait")
async def wait() -> None:
    await asyncio.wait([settled_soon()])  # here


@awaits(what="wait_for")
async def wait_for() -> None:
    await asyncio.wait_for(settled_soon(), 60)  # here


@awaits(what="as_completed")
async def as_completed() -> None:
    for first in asyncio.as_completed([yields()]):
        await first  # here


@awaits(what="shield")
async def shield() -> None:
    await asyncio.shield(settled_soon())  # here


@awaits(what="future", since=(3, 11))  # what waits is the body; the limit is a timer's
async def timeout() -> None:
    async with asyncio.timeout(60):
        await settled_soon()  # here


@awaits(what="task group", since=(3, 11))
async def task_group() -> None:
    async with asyncio.TaskGroup() as group:  # here
        group.create_task(yields())


# Input and output.


@awaits(what="stream read")
async def stream_read() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    soon(theirs.send, b"x\n")
    await reader.readline()  # here
    await closed(writer, theirs)


@awaits(what="stream read")
async def async_for() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    soon(theirs.send, b"x\n")
    async for _line in reader:  # here
        break
    await closed(writer, theirs)


@awaits(what="stream drain")
async def stream_drain() -> None:
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=ours)
    writer.transport.set_write_buffer_limits(0)
    size = 4 << 20
    writer.write(bytes(size))
    reader = threading.Thread(target=read_all, args=(theirs, size))
    soon(reader.start)
    await writer.drain()  # here
    reader.join()
    await closed(writer, theirs)


@awaits(what="socket")
async def sock_recv() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        soon(theirs.send, b"x")
        await asyncio.get_running_loop().sock_recv(ours, 1)  # here


@awaits(what="subprocess")
async def subprocess() -> None:
    cat = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    assert cat.stdin is not None
    soon(cat.stdin.close)
    await cat.wait()  # here


def read_all(end: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(end.recv(1 << 16))


async def closed(writer: asyncio.StreamWriter, other_end: socket.socket) -> None:
    other_end.close()
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        pass


# Threads.


@awaits(what="executor job")
async def run_in_executor() -> None:
    gate = threading.Event()
    soon(gate.set)
    await asyncio.get_running_loop().run_in_executor(None, gate.wait)  # here


@awaits(what="executor job")
async def to_thread() -> None:
    gate = threading.Event()
    soon(gate.set)
    await asyncio.to_thread(gate.wait)  # here


# Where: the program's innermost frame, through whatever lies between.


@awaits(what="sleep")
async def async_generator() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(A_WHILE)  # here
        yield 2

    async for _number in numbers():
        pass


@awaits(what="sleep")
async def async_context() -> None:
    class Context:
        async def __aenter__(self) -> None:
            await asyncio.sleep(A_WHILE)  # here

        async def __aexit__(self, *exc_info: object) -> None:
            pass

    async with Context():
        pass


@awaits(what="sleep")
async def awaitable() -> None:
    class Awaitable:
        def __await__(self) -> Any:
            return asyncio.sleep(A_WHILE).__await__()

    await Awaitable()  # here


@awaits(what="event")
async def traced() -> None:
    event = asyncio.Event()

    @tracekit.trace
    async def inner() -> None:
        await event.wait()  # here

    soon(event.set)
    await inner()


@awaits(what="patiently")
async def library() -> None:
    import slowlib

    await slowlib.patiently(settled_soon())  # here
