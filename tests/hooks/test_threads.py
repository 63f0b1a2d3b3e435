"""The hook for threads, on real threads."""

from __future__ import annotations

import _thread
import functools
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests_support import rows_of

import tracekit as tk
from tracekit.model.trace import FlowKind
from tracekit.record import recorder as recording_module


def test_thread_life(recorded: Callable[..., Any]) -> None:
    """A thread has its name, its starter, a beginning and an end; an arrow leads from its start to its life."""
    with recorded() as recording:
        thread = threading.Thread(target=int, name="worker")
        thread.start()
        thread.join()

    trace = recording.trace
    (row,) = [thread for thread in trace.threads if thread.name == "worker"]
    assert row.starter is not None
    assert trace.threads[row.starter].main
    assert row.ended is not None
    assert not row.begun_before
    assert [FlowKind(kind) for kind in trace.flows.kind] == [FlowKind.START]


def test_collection_before_a_thread_has_begun(recorded: Callable[..., Any]) -> None:
    """A garbage collection in the first moments of a thread does not make it one that was there before."""
    thresholds = gc.get_threshold()
    with recorded() as recording:
        gc.set_threshold(1)
        try:
            threads = [threading.Thread(target=int, name=f"worker {number}") for number in range(20)]
            for thread in threads:
                thread.start()
                thread.join()
        finally:
            gc.set_threshold(*thresholds)

    workers = [thread for thread in recording.trace.threads if thread.name.startswith("worker")]
    assert len(workers) == 20
    assert all(thread.starter is not None and not thread.begun_before for thread in workers)


def test_default_name_tells_the_target(recorded: Callable[..., Any]) -> None:
    """A thread without a name of its own is named after its target."""

    def pump() -> None:
        pass

    with recorded() as recording:
        thread = threading.Thread(target=pump)
        thread.start()
        thread.join()

    assert any(row.name.endswith("(pump)") for row in recording.trace.threads)


def test_renamed_thread(recorded: Callable[..., Any]) -> None:
    """The name that a thread gives itself is the one that counts."""

    def rename() -> None:
        threading.current_thread().name = "mine"

    with recorded() as recording:
        thread = threading.Thread(target=rename)
        thread.start()
        thread.join()

    assert "mine" in [row.name for row in recording.trace.threads]


def test_live_thread_is_adopted(recorded: Callable[..., Any]) -> None:
    """A thread that was there before the session is taken in at its first event, and marked as begun before."""
    go, done = threading.Event(), threading.Event()

    def wait() -> None:
        go.wait()
        tk.instant("here")
        done.set()

    thread = threading.Thread(target=wait, name="early")
    thread.start()
    with recorded() as recording:
        go.set()
        done.wait()
    thread.join()

    (row,) = [row for row in recording.trace.threads if row.name == "early"]
    assert row.begun_before
    assert row.starter is None


def test_thread_outside_of_threading(recorded: Callable[..., Any]) -> None:
    """A thread made by `_thread` alone is taken in as well, and no Thread object is made for it."""
    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        with tk.span("raw"):
            pass
        done.release()

    before = threading.active_count()
    with recorded() as recording:
        _thread.start_new_thread(work, ())
        done.acquire()

    assert threading.active_count() == before
    assert [row.name for row in rows_of(recording.trace, "SPAN")] == ["raw"]
    assert len(recording.trace.threads) == 2


def test_no_frame_of_ours_in_a_thread(recorded: Callable[..., Any]) -> None:
    """A thread's stack is the one it would have without a session."""
    import sys

    def names() -> list[str]:
        found: list[str] = []

        def collect() -> None:
            frame: Any = sys._getframe()
            while frame is not None:
                found.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
                frame = frame.f_back

        thread = threading.Thread(target=collect)
        thread.start()
        thread.join()
        return found

    plain = names()
    with recorded():
        traced = names()

    assert traced == plain


def test_failing_hook_is_removed_and_says_so(recorded: Callable[..., Any], capsys: Any) -> None:
    """A thread whose name can't be read breaks the hook, not the program: it is removed, and says so once."""

    class Strange(threading.Thread):
        name = property(lambda _self: 1 / 0, lambda _self, _value: None)  # type: ignore[assignment]

    ran = []
    with recorded() as recording:
        for _ in range(2):
            thread = Strange(target=lambda: ran.append(1))
            thread.start()
            thread.join()

    assert ran == [1, 1]
    assert capsys.readouterr().err.count("the threads hook failed and was removed (ZeroDivisionError") == 1
    assert any("threads hook failed" in note for note in recording.trace.notes)


def test_what_only_plays_a_thread(recorded: Callable[..., Any]) -> None:
    """What calls itself a thread (a greenlet) but runs on one that is there leaves that one what it is."""
    with recorded() as recording:
        tk.instant("before")
        recorder = recording_module.current
        assert recorder is not None
        recorder.begin_thread(recorder.serial("thread"), "played")
        tk.instant("after")

    (thread,) = recording.trace.threads
    assert thread.name == "MainThread"
    assert len(recording.trace.instants) == 2


def test_thread_that_cannot_start(recorded: Callable[..., Any]) -> None:
    """A thread for which there is no room fails as without us, is not in the trace, and lends its number to no other one."""
    with recorded() as recording:
        before = threading.stack_size(1 << 46)
        try:
            for _ in range(5):
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    threading.Thread(target=int, name="never").start()
        finally:
            threading.stack_size(before)
        (hook,) = [hook for hook in recording._running.hooks if hook.name == "threads"]
        assert hook._starting == {}
        thread = threading.Thread(target=int, name="worker")
        thread.start()
        thread.join()

    trace = recording.trace
    assert sorted(thread.name for thread in trace.threads if not thread.main) == ["worker"]
    assert len(trace.flows) == 1


def _wait() -> None:
    pass


class _Waiting(threading.Thread):
    def run(self) -> None:
        _wait()


@pytest.mark.parametrize(
    ("thread", "function"),
    [
        (threading.Thread(target=_wait, name="worker"), "_wait"),
        (threading.Thread(target=functools.partial(_wait), name="worker"), "_wait"),
        (_Waiting(name="worker"), "_Waiting.run"),
        (threading.Timer(0, _wait), "_wait"),
    ],
    ids=["target", "partial", "subclass", "timer"],
)
def test_what_a_thread_was_started_for(recorded: Callable[..., Any], thread: threading.Thread, function: str) -> None:
    """The life of a thread says which function of the program it runs, with file and line."""
    thread.name = "worker"
    with recorded() as recording:
        thread.start()
        thread.join()

    (life,) = [row for row in rows_of(recording.trace, "THREAD") if row.name == "worker"]
    assert (life.args["function"], life.args["file"]) == (function, __file__)
    code = _Waiting.run.__code__ if "run" in function else _wait.__code__
    assert life.args["line"] == code.co_firstlineno


def test_a_thread_for_what_is_not_python(recorded: Callable[..., Any]) -> None:
    """A thread that runs a function in C is there all the same, without a place."""
    with recorded() as recording:
        thread = threading.Thread(target=int, name="worker")
        thread.start()
        thread.join()

    (life,) = [row for row in rows_of(recording.trace, "THREAD") if row.name == "worker"]
    assert "file" not in life.args


class _Shy:
    def __call__(self) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


def test_a_target_that_does_not_like_to_be_asked(recorded: Callable[..., Any]) -> None:
    """A thread whose target raises when it is asked what it is has no place; those after it are recorded as before."""
    with recorded() as recording:
        for target in (_Shy(), _wait):
            thread = threading.Thread(target=target, name="worker")
            thread.start()
            thread.join()

    shy, other = (row for row in rows_of(recording.trace, "THREAD") if row.name == "worker")
    assert "file" not in shy.args
    assert other.args["function"] == "_wait"
