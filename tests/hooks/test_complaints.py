"""What Python and asyncio complain of, recorded; and that they complain as they would. Knows programs and what they print."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tracekit.model.trace import Trace

PROGRAM = """
import asyncio, gc, sys, warnings

async def forgot(): pass

async def fails(): raise ValueError("a secret")

async def waits(): await asyncio.get_running_loop().create_future()

def drop(): forgot()

async def main():
    drop()
    task = asyncio.create_task(fails())
    await asyncio.sleep(0); await asyncio.sleep(0)
    del task
    asyncio.create_task(waits())
    await asyncio.sleep(0)
    gc.collect()
    future = asyncio.get_running_loop().create_future()
    future.set_exception(KeyError("another"))
    del future

if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(main())
warnings.simplefilter("error")
drop()
"""


def instants(trace: Trace) -> list[tuple[str, dict[str, object]]]:
    """The instants of a trace: names and arguments."""
    rows = zip(trace.instants.name.tolist(), trace.instants.args.tolist())
    return [(trace.strings[name], trace.args[args]) for name, args in rows]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_complaints(run_python, loop) -> None:
    """Each complaint is an instant with the coroutine, the task, the class of the exception: names, and no values."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")

    trace = run_python(PROGRAM, loop).trace

    found = instants(trace)
    assert [name for name, _ in found] == [
        "coroutine was never awaited",
        "Task exception was never retrieved",
        "Task was destroyed but it is pending!",
        "Future exception was never retrieved",
        "coroutine was never awaited",
    ]
    dropped, failed, lost, future, _ = (args for _, args in found)
    assert (dropped["coroutine"], dropped["line"], dropped["dropped_in"]) == ("forgot", 4, "drop")
    assert (failed["coroutine"], failed["error"]) == ("fails", "ValueError")
    assert (lost["coroutine"], lost["error"]) == ("waits", "")
    assert (future["coroutine"], future["error"]) == ("", "KeyError")
    assert "secret" not in str(found)


def test_they_complain_as_they_would(run_python, tmp_path: Path) -> None:
    """What the program prints is what it would print: same lines of the same files, warnings turned into errors as well."""
    traced = run_python(PROGRAM)
    script = tmp_path / "program0.py"
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    plain = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, env=environment)

    def without_addresses(text: str) -> str:
        return re.sub(r"0x[0-9a-f]+", "0x", text)

    assert "RuntimeWarning: coroutine 'forgot' was never awaited" in plain.stderr
    assert without_addresses(traced.stderr) == without_addresses(plain.stderr)
    assert traced.status == plain.returncode


def test_a_handler_of_the_programs_own(recorded) -> None:
    """A loop's own exception handler, and one in a subclass, are called as ever, with what they would be given."""
    seen: list[str] = []

    class Loop(asyncio.SelectorEventLoop):
        def call_exception_handler(self, context: dict[str, object]) -> None:
            seen.append("subclass")
            super().call_exception_handler(context)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: seen.append(context["message"]))
        future = asyncio.get_running_loop().create_future()
        future.set_exception(KeyError())

    with recorded() as recording:
        loop = Loop()
        loop.run_until_complete(main())
        gc.collect()
        loop.close()

    assert seen == ["subclass", "Future exception was never retrieved"]
    assert [name for name, _ in instants(recording.trace)] == ["Future exception was never retrieved"]


def test_a_warning_that_is_an_error(recorded, capsys, monkeypatch) -> None:
    """Where warnings are errors, Python reports this one as it would; the hook stays."""
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_type))

    async def forgot() -> None: ...

    with recorded() as recording, warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            forgot()

    assert unraisable == [RuntimeWarning, RuntimeWarning]
    assert len(recording.trace.instants) == 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_it_is_called_as_ever(recorded, kind) -> None:
    """While it is recorded, the method that handles exceptions takes its argument by name, and two looks at it are equal."""
    loops = pytest.importorskip(kind)
    seen: list[object] = []

    def handle() -> None:
        loop = loops.new_event_loop()
        loop.set_exception_handler(lambda _loop, context: seen.append(context))
        assert loop.call_exception_handler == loop.call_exception_handler
        assert loop.call_exception_handler(context={"message": "by name"}) is None
        loop.close()

    before = asyncio.BaseEventLoop.__dict__["call_exception_handler"]
    with recorded():
        handle()
    assert seen == [{"message": "by name"}]
    assert asyncio.BaseEventLoop.__dict__["call_exception_handler"] is before
