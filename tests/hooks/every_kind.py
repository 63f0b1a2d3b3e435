"""A program in which everything happens that can happen to tasks and callbacks, in an order that is the same each time.

Knows no test; run as `every_kind.py DIRECTORY THRESHOLD`.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
import types

from tracekit.hooks.asyncio import AsyncioHook
from tracekit.record import probes, recorder


class Other(asyncio.Task):
    pass


class OtherHandle(asyncio.Handle):
    pass


async def inner(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


async def fail():
    await asyncio.sleep(0)
    raise LookupError


async def rename():
    asyncio.current_task().set_name("renamed")


@probes.trace
async def traced():
    await inner(1)


async def wait_for(future):
    return await future


class Imitation:
    """Awaits like a coroutine, without being one."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.coroutine.send(None)

    cr_await = property(lambda self: self.coroutine)


@types.coroutine
def old_style(future):
    return (yield from future)


@probes.trace
@types.coroutine
def traced_old_style(future):
    return (yield from future)


async def numbers(future):
    yield 1
    await future
    yield 2


@probes.trace
async def traced_numbers(future):
    yield await future


async def over(numbers):
    async for _ in numbers:
        pass


async def next_of(numbers):
    await anext(numbers, None)
    await anext(numbers, None)


async def deep(depth, future):
    await (deep(depth - 1, future) if depth else future)


async def wrapped(future):
    await Imitation(wait_for(future))


class Holder:
    async def hold(self, lock):
        async with lock:
            await asyncio.sleep(0)


def waits(future):
    """Coroutines that wait for it, each in another way."""
    pending = asyncio.ensure_future(asyncio.sleep(3600))
    other = Other(inner(1), loop=asyncio.get_running_loop())
    lock = asyncio.Lock()
    return [
        wait_for(future),
        old_style(future),
        traced_old_style(future),
        over(numbers(future)),
        over(traced_numbers(future)),
        next_of(numbers(future)),
        deep(50, future),
        wrapped(future),
        traced_wait(future),
        asyncio.shield(future),
        asyncio.wait_for(future, 60),
        asyncio.wait_for(future, None),
        asyncio.wait([future]),
        asyncio.gather(wait_for(future)),
        wait_for(pending),
        wait_for(other),
        wait_for(asyncio.tasks._PyTask(inner(1), loop=asyncio.get_running_loop())),
        wait_for(asyncio.futures._PyFuture()),
        asyncio.Queue().get(),
        asyncio.Event().wait(),
        Holder().hold(lock),
        Holder().hold(lock),
        asyncio.sleep(1e-9),
    ]


@probes.trace
async def traced_wait(future):
    return await future


async def wait_in_all_ways():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    tasks = [asyncio.ensure_future(each) for each in waits(future)]
    for _ in range(3):
        await asyncio.sleep(0)
    future.set_result(1)
    for _ in range(20):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    stopped = loop.create_future()
    waiting = loop.create_task(wait_for(stopped))
    await asyncio.sleep(0)
    stopped.cancel()
    await asyncio.gather(*tasks, waiting, return_exceptions=True)


def decorated(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


class Callable:
    def __call__(self):
        pass

    def method(self):
        pass


def call_in_all_ways(loop):
    """Callbacks of each kind."""

    def inner():
        pass

    with_attribute = decorated(inner)
    for callback in (
        inner,
        lambda: None,
        with_attribute,
        Callable(),
        Callable().method,
        functools.partial(inner),
        functools.partial(int),
        functools.partial(functools.partial(Callable().method)),
        [].clear,
    ):
        loop.call_soon(callback)
        loop.call_later(0, callback)
    loop.call_at(loop.time() - 1, inner)
    loop.call_at(0, inner)


def python_task(loop, coroutine, **more):
    return asyncio.tasks._PyTask(coroutine, loop=loop, **more)


async def main():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    tasks = [
        loop.create_task(inner(3), name="named"),
        loop.create_task(fail()),
        loop.create_task(rename()),
        loop.create_task(traced()),
        loop.create_task(wait_for(future), name="x" * 600),
        loop.create_task(asyncio.sleep(60)),
        Other(inner(2), loop=loop),
        *(loop.create_task(inner(1)) for _ in range(400)),
    ]
    loop.call_soon(int)
    loop.call_soon(future.set_result, 1)
    loop.call_soon(int).cancel()
    loop._ready.append(OtherHandle(int, (), loop, None))
    loop.call_later(0, int)
    await asyncio.sleep(0)
    tasks[5].cancel()
    thread = threading.Thread(target=lambda: (loop.call_soon_threadsafe(int), loop.call_soon_threadsafe(int).cancel()))
    thread.start()
    thread.join()
    await asyncio.gather(*tasks, return_exceptions=True)
    call_in_all_ways(loop)
    await wait_in_all_ways()
    loop.set_task_factory(python_task)
    await asyncio.gather(loop.create_task(inner(2)), loop.create_task(fail()), return_exceptions=True)
    nested = loop.create_task(inner(1))
    me = asyncio.current_task()
    asyncio.tasks._leave_task(loop, me)
    while not nested.done():
        loop._run_once()
    asyncio.events._set_running_loop(loop)
    asyncio.tasks._enter_task(loop, me)


directory, threshold = sys.argv[1], int(sys.argv[2])
loop = asyncio.new_event_loop()
before = loop.create_task(inner(1), name="before")
recorder.start(directory)
hook = AsyncioHook(threshold)
hook.install()
loop.run_until_complete(main())
loop.run_until_complete(before)
hook.remove()
recorder.stop()
loop.close()
