"""The hook for trio: its tasks, their steps and wake-ups, by the instruments that trio offers. Knows the recorder and trio.

An instrument is told of everything but two things, which are read where trio keeps them: which run it belongs to, and how a
task ended. A guest run (trio inside another loop) is a loop for as long as one of its ticks lasts.
"""

from __future__ import annotations

import sys
from weakref import WeakSet

from tracekit import events
from tracekit.hooks.code import coroutine_code
from tracekit.hooks.patch import Hook
from tracekit.hooks.strands import Strand, Writer
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    from tracekit.record.recorder import Recorder

_NAME = "trio"
_DEEPEST = 50  # groups in groups


class TrioHook(Hook):
    """Replaces the leaf that makes the runner of each `trio.run` and guest run, and adds an instrument to it.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "trio"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self.writer = Writer(threshold)
        self.run: Any = None  # the module trio._core._run
        self._instruments: WeakSet[_Instrument] = WeakSet()

    def install(self) -> None:
        """The program has imported trio by now."""
        self.run = sys.modules["trio._core._run"]
        self.replace(self.run, "setup_runner", self._setup)
        here = getattr(self.run.GLOBAL_RUN_CONTEXT, "runner", None)
        if here is not None:
            self._take_in(here)
        for runner in self._running():
            if runner is not here:
                _have_done(runner, lambda runner=runner: self._take_in(runner))

    def remove(self) -> None:
        super().remove()
        here = getattr(getattr(self.run, "GLOBAL_RUN_CONTEXT", None), "runner", None)
        for instrument in list(self._instruments):
            if instrument.runner is here:
                instrument.leave()
            else:
                _have_done(instrument.runner, instrument.leave)

    def _setup(self, original: Any) -> Any:
        def setup_runner(*args: Any, **kwargs: Any) -> Any:
            runner = original(*args, **kwargs)
            try:
                if recording.current is not None:
                    self._add(runner)
            except Exception as error:
                self.fail(error)
            return runner

        return setup_runner

    def _add(self, runner: Any) -> _Instrument:
        instrument = _Instrument(self, runner)
        runner.instruments.add_instrument(instrument)
        self._instruments.add(instrument)
        return instrument

    def _take_in(self, runner: Any) -> None:
        """A run that was there before the session; in its own thread, in one of its steps."""
        try:
            if recording.current is not None and not self.gone:
                self._add(runner).join(recording.current, getattr(self.run.GLOBAL_RUN_CONTEXT, "task", None))
        except Exception as error:
            self.fail(error)

    def _running(self) -> list[Any]:
        """The runner of every run, in whatever thread: trio keeps no list, but each has a frame."""
        run = self.run.run.__code__
        runners = []
        for innermost in sys._current_frames().values():
            frame: FrameType | None = innermost
            while frame is not None:
                if frame.f_code is run and frame.f_locals.get("runner") is not None:
                    runners.append(frame.f_locals["runner"])
                frame = frame.f_back
        return runners


class _Instrument:
    """What trio tells of one run. The methods without an underscore are trio's; trio logs what they raise, and drops them."""

    def __init__(self, hook: TrioHook, runner: Any) -> None:
        self._hook = hook
        self.runner = runner
        self._strands: dict[Any, Strand] = {}  # of the tasks that live; a runner has them all as well
        self._recorder: Recorder | None = None
        self._loop = 0
        self._is_open = False
        self._step: Strand | None = None
        self._scheduled = 0  # since the last batch began
        self._turn = -1  # how many there were in the last batch
        self._is_new_batch = False

    def join(self, recorder: Recorder, task: Any) -> None:
        """The run goes on already, and so does a step of this task."""
        self._open(recorder, late=True)
        if task is not None:
            self._begin(recorder, task)

    def leave(self) -> None:
        """The session is over, and the run goes on."""
        try:
            self.runner.instruments.remove_instrument(self)
        except KeyError:  # trio has dropped it
            pass
        self._strands.clear()

    def before_run(self) -> None:
        self._guarded(self._run_begins)

    def after_run(self) -> None:
        self._guarded(self._close)
        self._strands.clear()

    def task_spawned(self, task: Any) -> None:
        self._guarded(self._spawned, task)

    def task_scheduled(self, task: Any) -> None:
        self._guarded(self._made_ready, task)

    def before_task_step(self, task: Any) -> None:
        self._guarded(self._begin, task)

    def after_task_step(self, task: Any) -> None:
        self._guarded(self._end, task)

    def task_exited(self, task: Any) -> None:
        self._guarded(self._exited, task)

    def before_io_wait(self, _timeout: float) -> None:
        if self.runner.is_guest:
            self._guarded(self._close)

    def after_io_wait(self, _timeout: float) -> None:
        self._is_new_batch = True
        if self.runner.is_guest:
            self._guarded(self._open)

    def _guarded(self, function: Any, *args: Any) -> None:
        recorder = recording.current
        if recorder is not None and not self._hook.gone:
            try:
                function(recorder, *args)
            except Exception as error:
                self._hook.fail(error)

    def _run_begins(self, recorder: Recorder) -> None:
        if not self.runner.is_guest:
            self._open(recorder)

    def _open(self, recorder: Recorder, late: bool = False) -> None:
        details = [(events.LATE, 0)] if late else None
        recorder.write(events.LOOP_BEGIN, recorder.intern(_NAME), self._serial(recorder), details)
        self._is_open = True

    def _close(self, recorder: Recorder) -> None:
        if self._is_open and self._recorder is recorder:
            recorder.write(events.LOOP_END, 0, self._serial(recorder))
            self._is_open = False
            self._turn = -1

    def _serial(self, recorder: Recorder) -> int:
        if self._recorder is not recorder:  # the first time, and in a fork, which is in no loop yet
            self._recorder, self._loop = recorder, recorder.serial("loop")
            self._is_open = False
        return self._loop

    def _spawned(self, recorder: Recorder, task: Any) -> None:
        self._create(recorder, task, at=sys._getframe(3)).is_scheduled = True  # what follows is its first scheduling

    def _create(self, recorder: Recorder, task: Any, late: bool = False, at: Any = None) -> Strand:
        name, code = str(task.name), coroutine_code(task.coro)
        strand = self._strands[task] = self._hook.writer.create(recorder, name, code, self._serial(recorder), late, at)
        return strand

    def _known(self, recorder: Recorder, task: Any) -> Strand:
        strand = self._strands.get(task)
        return strand if strand is not None and strand.recorder is recorder else self._create(recorder, task, late=True)

    def _made_ready(self, recorder: Recorder, task: Any) -> None:
        self._scheduled += 1
        strand = self._known(recorder, task)
        if not strand.is_scheduled:
            self._hook.writer.ready(strand)

    def _begin(self, recorder: Recorder, task: Any) -> None:
        if self._is_new_batch:
            self._is_new_batch = False
            if self._scheduled != self._turn:
                recorder.write(events.LOOP_TURN, 0, self._scheduled)
            self._turn, self._scheduled = self._scheduled, 0
        self._step = strand = self._known(recorder, task)
        self._hook.writer.begin(strand)

    def _end(self, recorder: Recorder, task: Any) -> None:
        strand, self._step = self._step, None
        if strand is not None and strand.recorder is recorder:
            self._hook.writer.end(strand, _stack(task) if task in self._strands else ())

    def _exited(self, recorder: Recorder, task: Any) -> None:
        strand = self._known(recorder, task)
        del self._strands[task]
        error = _error_of(task, self.runner)
        if error is None:
            self._hook.writer.done(strand, events.OUTCOME_DONE)
        elif _is_cancelled(error, self._hook.run.Cancelled):
            self._hook.writer.done(strand, events.OUTCOME_CANCELLED)
        else:
            self._hook.writer.done(strand, events.OUTCOME_FAILED, error)


def _stack(task: Any) -> Iterator[FrameType]:
    """The frames of a suspended task, innermost first; not looked at before the first is asked for."""
    yield from reversed([frame for frame, _line in task.iter_await_frames()])


def _error_of(task: Any, runner: Any) -> BaseException | None:
    """What a task ended with that exits right now: the runner's method that was told so has it."""
    if task is runner.main_task:
        return getattr(runner.main_task_outcome, "error", None)
    exited = type(runner).task_exited.__code__
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not exited:
        frame = frame.f_back
    return None if frame is None else getattr(frame.f_locals.get("outcome"), "error", None)


def _is_cancelled(error: BaseException, cancelled: type[BaseException], depth: int = 0) -> bool:
    """Whether it is a cancellation, or a group of nothing else."""
    if isinstance(error, cancelled):
        return True
    parts = getattr(error, "exceptions", None)
    return (
        isinstance(parts, tuple)
        and depth < _DEEPEST
        and all(_is_cancelled(part, cancelled, depth + 1) for part in parts)
    )


def _have_done(runner: Any, function: Any) -> None:
    """Call a function within a run that another thread runs."""
    try:
        runner.entry_queue.run_sync_soon(function)
    except Exception:  # it is over
        pass
