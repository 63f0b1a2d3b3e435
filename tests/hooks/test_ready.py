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
_PROGRAM = Path(__file__).with_name("every_kind.py")

_SPANS = (events.SPAN_BEGIN, events.SPAN_END, events.SPAN_SUSPEND, events.SPAN_RESUME)


def _records(tmp_path: Path, asked: str, threshold: int) -> tuple[list[Any], dict[int, str]]:
    """Every record of the program on this core, with its details, and its names. Of times and slots nothing."""
    directory = tmp_path / f"{asked}.tracekit"
    directory.mkdir()
    command = [sys.executable, str(_PROGRAM), str(directory), str(threshold)]
    # Which texts become names depends on their hashes.
    environment = {**os.environ, "TRACEKIT_CORE": asked, "PYTHONHASHSEED": "0"}
    subprocess.run(command, env=environment, check=True, timeout=120)
    (path,) = directory.glob("*.spool")
    spool = read_spool(path)
    records: list[Any] = []
    for thread in spool.threads:
        for kind, a, b, time in zip(thread.kind.tolist(), thread.a.tolist(), thread.b.tolist(), thread.time.tolist()):
            if kind >= events.FIRST_DETAIL:
                records[-1].append((kind, a, b, 0 if kind == events.DUE else time))
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


def test_nothing_is_left_in_memory(run_python: Callable[..., Any]) -> None:
    """However many steps a loop runs, the process holds no more objects afterwards."""
    # In a process of its own: what other libraries' threads hold in this one is not ours.
    ran = run_python("""
        import asyncio, gc, sys

        async def spin():
            for _ in range(300):
                await asyncio.sleep(0)

        async def main():
            await asyncio.gather(*(spin() for _ in range(10)))

        def blocks():
            asyncio.run(main())
            gc.collect()
            return sys.getallocatedblocks()

        blocks()
        before = min(blocks() for _ in range(3))
        print(min(blocks() for _ in range(3)) - before)
    """)
    assert int(ran.stdout) < 300
