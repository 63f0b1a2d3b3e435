"""The hook for greenlets, gevent's above all: each is a track of its own on its thread. Knows the recorder, greenlet and gevent.

greenlet tells of every switch, thread by thread, in the greenlet that has been switched to. The stack that a thread began with
is the thread itself. gevent's hub is a loop for as long as it and what it runs have the thread; that main stack waits meanwhile.

A greenlet outside of a hub that an asyncio or trio task runs in its step (SQLAlchemy's, greenback's) is part of that step: it is
how the task calls something, and has no track.
"""

from __future__ import annotations

import sys
from types import FunctionType
from weakref import ref

from tracekit import events
from tracekit.hooks.code import code_of, name_of
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.hooks.strands import Strand, Writer, outwards
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any

    from tracekit.record.recorder import Recorder

_HUB = "gevent hub"
_UNKNOWN = "greenlet"
_MOST_PARENTS = 100


class GreenletsHook(Hook):
    """Sets greenlet's trace function in each thread that it can reach; another one that is there is called as ever.

    It reaches the thread that the session or the import of greenlet is in, every thread that `threading` starts from then on,
    and every thread in which gevent makes a hub.

    Args:
        threshold: ns; of a step longer than this the place where it stopped is recorded.
    """

    name = "greenlets"

    def __init__(self, threshold: int) -> None:
        super().__init__()
        self.writer = Writer(threshold)
        self.greenlet: Any = None
        self.hub: type | None = None
        self._tracers: dict[int, _Tracer] = {}  # by the id of the greenlet that is a thread's main stack
        self._strands: dict[
            int, tuple[Any, Strand]
        ] = {}  # by the id of a greenlet: a weak reference to it, and what is known
        self._gevent: Any = None  # gevent.Greenlet

    def install(self) -> None:
        """The program has imported greenlet by now."""
        self.greenlet = sys.modules["greenlet"]
        self._trace_here().join()
        when_imported("threading", self, self._install_threads)
        when_imported("gevent.hub", self, self._install_hub)
        when_imported("gevent.greenlet", self, self._install_spawn)

    def remove(self) -> None:
        super().remove()
        if self._gevent is not None:
            self._gevent.remove_spawn_callback(self._spawned)
        tracer = self._tracers.pop(id(self._main()), None) if self.greenlet is not None else None
        if tracer is not None and self.greenlet.gettrace() is tracer:
            self.greenlet.settrace(tracer.before)  # in other threads they go by themselves, at the next switch
        self._tracers.clear()
        self._strands.clear()

    def _install_threads(self, threading: ModuleType) -> None:
        self.replace(threading.Thread, "_set_ident", self._begin_thread)

    def _install_hub(self, hub: ModuleType) -> None:
        self.hub = hub.Hub
        self.replace(hub.Hub, "__init__", self._make_hub)

    def _install_spawn(self, module: ModuleType) -> None:
        self._gevent = module.Greenlet
        self._gevent.add_spawn_callback(self._spawned)

    def _begin_thread(self, original: Any) -> Any:
        def set_ident(thread: Any) -> None:
            original(thread)
            self._guarded(self._trace_here)

        return set_ident

    def _make_hub(self, original: Any) -> Any:
        def init(hub: Any, *args: Any, **kwargs: Any) -> None:
            original(hub, *args, **kwargs)
            self._guarded(self._trace_here)

        return init

    def _spawned(self, greenlet: Any) -> None:
        """Somebody starts one of gevent's."""
        recorder = recording.current
        if recorder is not None:
            self._guarded(self._create, recorder, greenlet, False, sys._getframe(1))

    def _guarded(self, function: Any, *args: Any) -> None:
        if not self.gone:
            try:
                function(*args)
            except Exception as error:
                self.fail(error)

    def _main(self) -> Any:
        """The greenlet that is the main stack of this thread."""
        greenlet = self.greenlet.getcurrent()
        while greenlet.parent is not None:
            greenlet = greenlet.parent
        return greenlet

    def _trace_here(self) -> _Tracer:
        main = self._main()
        tracer = self._tracers.get(id(main))
        if tracer is None or tracer.main() is not main:
            tracer = self._tracers[id(main)] = _Tracer(self, main, self.greenlet.gettrace())
            tracer.main = ref(main, self._forgetting(id(main)))
            self.greenlet.settrace(tracer)
        return tracer

    def _forgetting(self, key: int) -> Any:
        """What lets go of a thread's tracer when the thread has ended; another thread may have its place by then."""
        tracers = self._tracers

        def forget(reference: Any) -> None:
            tracer = tracers.get(key)
            if tracer is not None and tracer.main is reference:
                del tracers[key]

        return forget

    # What is known of greenlets.

    def known(self, recorder: Recorder, greenlet: Any) -> Strand | None:
        """What is known of one in this recording, or None."""
        found = self._strands.get(id(greenlet))
        if found is None or found[1].recorder is not recorder or found[0]() is not greenlet:
            return None
        return found[1]

    def first_seen(self, recorder: Recorder, greenlet: Any, is_fresh: bool) -> Strand:
        """A greenlet is switched to that nobody has told us of.

        Args:
            is_fresh: nothing of it has run yet.
        """
        late = not is_fresh or (self._gevent is not None and isinstance(greenlet, self._gevent))
        return self._create(recorder, greenlet, late)

    def is_hub(self, greenlet: Any) -> bool:
        """Whether it is one of gevent's hubs."""
        return self.hub is not None and isinstance(greenlet, self.hub)

    def hub_of(self, greenlet: Any) -> Any:
        """The hub among a greenlet's parents, or None."""
        for _ in range(_MOST_PARENTS):
            if greenlet is None or self.is_hub(greenlet):
                return greenlet
            greenlet = greenlet.parent
        return None

    def outcome_of(self, greenlet: Any, event: str) -> tuple[int, BaseException | None]:
        """How a dead one has ended.

        Args:
            event: of the switch to its parent; "throw" if an exception went along.
        """
        if self._gevent is not None and isinstance(greenlet, self._gevent):
            if greenlet.exception is not None:
                return events.OUTCOME_FAILED, greenlet.exception
            killed = isinstance(greenlet.value, self.greenlet.GreenletExit)
            return (events.OUTCOME_CANCELLED if killed else events.OUTCOME_DONE), None
        return (events.OUTCOME_FAILED if event == "throw" else events.OUTCOME_DONE), None

    def forget(self, greenlet: Any) -> None:
        """It is dead."""
        self._strands.pop(id(greenlet), None)

    def loop(self, recorder: Recorder, hub: Any) -> int:
        """The serial of a hub."""
        strand = self.known(recorder, hub)
        if strand is None:
            strand = Strand(recorder, recorder.serial("loop"), _HUB)
            self._keep(hub, strand)
        return strand.serial

    def _create(self, recorder: Recorder, greenlet: Any, late: bool, at: FrameType | None = None) -> Strand:
        function = _function_of(greenlet)
        name = greenlet.__dict__.get("name") or _name_of(greenlet) or _UNKNOWN
        code = None if function is None else code_of(function)
        hub = self.hub_of(greenlet)
        loop = 0 if hub is None else self.loop(recorder, hub)
        strand = self.writer.create(recorder, str(name), code, loop, late, at)
        self._keep(greenlet, strand)
        return strand

    def _keep(self, greenlet: Any, strand: Strand) -> None:
        strands, key, done = self._strands, id(greenlet), self.writer.done

        def gone(reference: Any) -> None:
            if strands.get(key, (None,))[0] is reference:
                del strands[key]
                if not strand.began and strand.recorder is recording.current and strand.name is not _HUB:
                    done(strand, events.OUTCOME_CANCELLED)  # it was told not to start

        strands[key] = (ref(greenlet, gone), strand)


class _Tracer:
    """The trace function of one thread.

    Args:
        main: the thread's main stack.
        before: the trace function that was there, or None.
    """

    def __init__(self, hook: GreenletsHook, main: Any, before: Any) -> None:
        self._hook = hook
        self.main = ref(main)
        self.before = before
        self._recorder: Recorder | None = None
        self._step: Strand | None = None  # what runs now, by its step
        self._loop = 0  # the serial of the hub that has the thread

    def __call__(self, event: str, greenlets: tuple[Any, Any]) -> None:
        """greenlet tells of a switch."""
        if self._hook.gone:
            self._leave()
        else:
            try:
                self._guarded(event, *greenlets)
            except Exception as error:
                self._hook.fail(error)
        if self.before is not None:
            self.before(event, greenlets)

    def join(self) -> None:
        """The session begins in a greenlet: it has a step, and perhaps a loop, that began before."""
        recorder = recording.current
        current = self._hook.greenlet.getcurrent()
        if recorder is not None and current.parent is not None:
            self._recorder = recorder
            self._take_up(recorder, current, is_late=True)

    def _guarded(self, event: str, origin: Any, target: Any) -> None:
        recorder = recording.current
        if recorder is not self._recorder:  # the first time; and in a fork, in which nothing has begun
            self._recorder, self._step, self._loop = recorder, None, 0
        if recorder is not None:
            self._switch(recorder, event, origin, target)

    def _leave(self) -> None:
        greenlet = self._hook.greenlet
        if greenlet.gettrace() is self:
            greenlet.settrace(self.before)

    def _switch(self, recorder: Recorder, event: str, origin: Any, target: Any) -> None:
        """`event` is "throw" where an exception goes along."""
        is_main = target.parent is None
        if not is_main and not self._hook.is_hub(target) and target.parent is origin:
            # Who switches to its own child for the first time has made it, most likely in the same step.
            self._learn(recorder, target)
        if self._step is not None:
            self._end(event, origin)
        if is_main:
            self._end_loop(recorder)
        else:
            self._take_up(recorder, target)

    def _take_up(self, recorder: Recorder, greenlet: Any, is_late: bool = False) -> None:
        """A greenlet goes on, or its hub."""
        hub = self._hook.hub_of(greenlet)
        if hub is not None and not self._loop:
            self._loop = self._hook.loop(recorder, hub)
            details = [(events.LATE, 0)] if is_late else None
            recorder.write(events.LOOP_BEGIN, recorder.intern(_HUB), self._loop, details)
        if greenlet is hub:
            return
        strand = self._learn(recorder, greenlet)
        if strand is not None:
            self._step = strand
            self._hook.writer.begin(strand)

    def _learn(self, recorder: Recorder, greenlet: Any) -> Strand | None:
        """What is known of a greenlet, at its first step as well; None where it is part of another step."""
        strand = self._hook.known(recorder, greenlet)
        if strand is None and (self._loop or not _in_a_task()):
            strand = self._hook.first_seen(recorder, greenlet, is_fresh=not _has_run())
        return strand

    def _end(self, event: str, origin: Any) -> None:
        strand, self._step = self._step, None
        assert strand is not None
        writer = self._hook.writer
        if not origin.dead:
            if strand.name is _UNKNOWN:
                self._name(strand, origin.gr_frame)
            writer.end(strand, outwards(origin.gr_frame))
            return
        outcome, error = self._hook.outcome_of(origin, event)
        writer.done(strand, outcome, error)
        writer.end(strand)
        self._hook.forget(origin)

    def _name(self, strand: Strand, frame: FrameType | None) -> None:
        """Only what a greenlet stands in tells what it runs, if it was given just a function."""
        *_, outermost = outwards(frame)
        self._hook.writer.rename(strand, getattr(outermost.f_code, "co_qualname", outermost.f_code.co_name))

    def _end_loop(self, recorder: Recorder) -> None:
        if self._loop:
            recorder.write(events.LOOP_END, 0, self._loop)
            self._loop = 0


def _function_of(greenlet: Any) -> Any:
    """The function that a greenlet runs, as far as it can be told; greenlet itself lets go of it as it begins."""
    function = greenlet.__dict__.get("_run")  # gevent's
    if function is None:
        inherited = (getattr(type(greenlet), name, None) for name in ("_run", "run"))
        function = next((found for found in inherited if type(found) is FunctionType), None)
    thread = _thread_of(function)
    return function if thread is None else thread._target or type(thread).run


def _thread_of(function: Any) -> Any:
    """The thread that a greenlet plays, where gevent stands in for `threading`; or None."""
    owner = getattr(function, "__self__", None)
    kind = getattr(sys.modules.get("threading"), "Thread", None)
    return owner if kind is not None and isinstance(owner, kind) else None


def _name_of(greenlet: Any) -> str:
    thread, function = _thread_of(greenlet.__dict__.get("_run")), _function_of(greenlet)
    if thread is not None:
        return str(thread.name)
    return "" if function is None else name_of(function)


def _in_a_task() -> bool:
    """Whether asyncio or trio runs on this thread."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio._core._run")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        return True
    return trio is not None and hasattr(trio.GLOBAL_RUN_CONTEXT, "runner")


def _has_run() -> bool:
    """Whether the current greenlet stood anywhere when our trace function was called in it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not _Tracer.__call__.__code__:
        frame = frame.f_back
    return frame is None or frame.f_back is not None
