"""The queue that takes the place of a loop's own, on both cores: the same records, and no callback lost. Knows no trace."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import rows_of

import tracekit as tk
from tracekit import events
from tracekit.spool.core import core
from tracekit.spool.reader import read_spool

# All that can happen to a task or a callback, in an order that is the same each time.
_PROGRAM = """
import asyncio, sys, threading
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
"""

_SPANS = (events.SPAN_BEGIN, events.SPAN_END)


def _records(tmp_path: Path, asked: str, threshold: int) -> tuple[list[Any], dict[int, str]]:
    """Every record of the program on this core, with its details, and its names. Of times and slots nothing."""
    directory = tmp_path / f"{asked}.tracekit"
    directory.mkdir()
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    command = [sys.executable, str(program), str(directory), str(threshold)]
    # Which texts become names depends on their hashes.
    environment = {**os.environ, "TRACEKIT_CORE": asked, "PYTHONHASHSEED": "0"}
    subprocess.run(command, env=environment, check=True, timeout=120)
    (path,) = directory.glob("*.spool")
    spool = read_spool(path)
    records: list[Any] = []
    for thread in spool.threads:
        for kind, a, b, time in zip(thread.kind.tolist(), thread.a.tolist(), thread.b.tolist(), thread.time.tolist()):
            if kind >= events.FIRST_DETAIL:
                records[-1].append((kind, a, b, time))
            else:
                records.append([kind, a, 0 if kind in _SPANS else b])
    told = [record for record in records if record[0] not in (events.CLOCK, events.PROCESS_BEGIN)]
    return told, spool.names


@pytest.mark.skipif(core.fast is None, reason="there is no C core to compare with")
@pytest.mark.parametrize("threshold", [0, 1 << 62])
def test_same_records(tmp_path: Path, threshold: int) -> None:
    """Whatever happens to tasks and callbacks: both cores record the same, in the same order."""
    python = _records(tmp_path, "py", threshold)
    native = _records(tmp_path, "c", threshold)

    assert len(python[0]) > 2000
    assert native == python


def test_looking_at_the_queue_from_another_thread_ends_no_step(recorded: Callable[..., Any]) -> None:
    """A thread that watches how long the queue is does not end what runs on the loop's thread."""
    lengths = []

    async def main() -> None:
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        thread = threading.Thread(target=lambda: lengths.append(len(ready)), name="watcher")
        thread.start()
        thread.join()
        tk.instant("after the look")

    with recorded() as recording:
        asyncio.run(main())

    trace = recording.trace
    assert lengths == [0]
    (after,) = trace.instants.time
    assert [row.start <= after <= row.end for row in rows_of(trace, "STEP")].count(True) == 1


class _Interrupted(asyncio.Task):  # type: ignore[type-arg]
    """A task that an interrupt falls into when it is asked for its name, or whether it is done, by tracekit."""

    asked_for = ""

    def get_name(self) -> str:
        self._ask("name")
        return super().get_name()

    def done(self) -> bool:
        self._ask("done")
        return super().done()

    def _ask(self, what: str) -> None:
        if _Interrupted.asked_for == what:
            _Interrupted.asked_for = ""
            raise KeyboardInterrupt


async def _twice(ran: list[int]) -> None:
    ran.append(1)
    await asyncio.sleep(0)
    ran.append(2)


def test_interrupt_while_a_callback_is_scheduled(recorded: Callable[..., Any]) -> None:
    """An interrupt that falls into our part of `append` reaches the program, and the callback runs all the same, once."""
    ran: list[int] = []
    with recorded():
        loop = asyncio.new_event_loop()
        _Interrupted.asked_for = "name"
        with pytest.raises(KeyboardInterrupt):
            _Interrupted(_twice(ran), loop=loop)
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    assert ran == [1, 2]


def test_interrupt_while_a_callback_is_taken_out(recorded: Callable[..., Any]) -> None:
    """An interrupt that falls into our part of `popleft` reaches the program, and no callback is lost or runs twice."""
    ran: list[int] = []
    with recorded():
        loop = asyncio.new_event_loop()
        task = _Interrupted(_twice(ran), loop=loop)
        _Interrupted.asked_for = "done"
        loop.call_soon(ran.append, 3)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        assert ran == [1]
        loop.run_until_complete(task)
        loop.close()

    assert ran == [1, 3, 2]


def test_queue_and_tasks_go(recorded: Callable[..., Any]) -> None:
    """What a loop leaves behind when it goes is collected: its queue, its tasks, and what ran last on it."""
    gone = []

    async def main() -> None:
        gone.append(weakref.ref(asyncio.current_task()))  # type: ignore[arg-type]
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(100)))

    with recorded():
        loop = asyncio.new_event_loop()
        gone.append(weakref.ref(loop._ready))  # type: ignore[attr-defined]
        loop.run_until_complete(main())
        loop._ready.append(asyncio.Handle(loop.stop, (loop,), loop))  # type: ignore[attr-defined]
        loop._ready.popleft()  # type: ignore[attr-defined]
        loop.close()
        del loop
        gc.collect()

    assert [reference() for reference in gone] == [None, None]


def test_nothing_is_left_in_memory(recorded: Callable[..., Any]) -> None:
    """However many steps a loop runs, the process holds no more objects afterwards."""

    async def spin() -> None:
        for _ in range(300):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(spin() for _ in range(10)))

    def blocks() -> int:
        asyncio.run(main())
        gc.collect()
        return sys.getallocatedblocks()

    with recorded():
        blocks()
        before = min(blocks() for _ in range(3))
        after = min(blocks() for _ in range(3))

    assert after - before < 300
