"""Sessions: composes the recorder and the hooks, for `tk.start`, `tk.session`, and the children that `tracekit run` enters.

The traced program stays light: what turns a session into a trace runs in a child process, when the session stops.
"""

from __future__ import annotations

import os
import sys

from tracekit.errors import TracekitError
from tracekit.hooks.choice import make_hooks
from tracekit.hooks.entry import OPTIONS_VARIABLE, SESSION_VARIABLE
from tracekit.options import DEFAULT_RATE, DEFAULT_THRESHOLD, HOOKS, ON_REQUEST, Options, environment
from tracekit.record import permission
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from types import TracebackType

    from tracekit.capture.calls import Calls


class _Running:
    """The recording of this process: its hooks, and what stopping it takes."""

    def __init__(self, directory: str, options: Options, late: bool) -> None:
        import atexit

        if options.sample_rate and not late:
            from tracekit.record.held import hold

            permission.allow(options.observer)
            hold(directory, options.observer)
        limits = options.limits()
        recorder = recording.start(directory, limits, late)
        permission.allow(options.observer)
        if limits.is_flight:
            from tracekit.dumps import Starter
            from tracekit.spool.prune import prune

            prune(directory, limits, most=_LOOK_AT)
            if not options.watched:
                recorder.make_dump = Starter(directory, options.threshold, options.flight_ns)
        self.directory = directory
        self.options = options
        names = [name for name in HOOKS + ON_REQUEST if name in options.hooks]
        self.hooks = make_hooks(names, options.threshold, options.limits().is_flight)
        for hook in self.hooks:
            try:
                hook.install()
            except Exception as error:
                hook.fail(error)
        # Registered first, so that it runs last; a fork inherits it.
        atexit.register(_finish)
        # Last of all, and ended first: calls lie within all the rest.
        self.calls: Calls | None = None
        if options.viztracer is not None:
            self.record_calls(options.viztracer).begin()

    def record_calls(self, asked: str) -> Calls:
        """What records calls in this process; only the first who asks decides how."""
        if self.calls is None:
            from tracekit.capture.calls import Calls

            self.calls = Calls(asked)
        return self.calls

    def stop(self) -> None:
        import atexit

        from tracekit.hooks import imports

        try:
            if self.calls is not None:
                self.calls.close()
            imports.forget_all()
            for hook in reversed(self.hooks):
                hook.remove()
        finally:
            recording.stop()
            atexit.unregister(_finish)


_LOOK_AT = 64  # spools, when a process joins

_running: _Running | None = None
_started: _Started | None = None


def join(directory: str, options: str, late: bool = False) -> None:
    """Record this process into a session that somebody else leads.

    Args:
        directory, options: of the session.
        late: the program has begun already; without, this is the bootstrap, and it has not.

    Raises:
        OSError: nothing can be recorded there.
    """
    global _running
    if _running is None:
        _running = _Running(directory, Options.from_text(options), late)
        if _running.calls is not None:
            _running.calls.write_on_sigterm()


def leave() -> None:
    """End what `join` began, before the program does; whoever leads the session goes on."""
    global _running
    running, _running = _running, None
    if running is not None:
        running.stop()


def _finish() -> None:
    if recording.current is not None:
        recording.current.finish()


def _observe(directory: str, options: Options) -> int:
    from tracekit.dumps import observe

    observer = observe(directory, options.to_text())
    permission.allow(observer)
    return observer


class _Started:
    """A session that this program started itself."""

    def __init__(
        self, output: str, options: Options, keep_session: bool, quiet: bool, keep_viztracer: bool = False
    ) -> None:
        from tracekit.spool import directory

        self.output = directory.check_output(output)
        self.directory = directory.session_of(self.output)
        self.keep_session = keep_session
        self.quiet = quiet
        directory.create(self.directory)
        running: _Running | None = None
        try:
            argv = getattr(sys, "argv", None) or [""]
            program = os.path.basename(argv[0]) or "python"
            description = directory.describe(self.directory, self.output, program, getattr(sys, "orig_argv", argv))
            description["child_pid"] = os.getpid()
            description["keep_viztracer"] = keep_viztracer
            directory.write(self.directory, description)
            self.description = description
            self.pid = os.getpid()
            self.recording = running = _Running(self.directory, options, late=True)
            if options.rate:
                options.observer = _observe(self.directory, options)
        except OSError as error:
            if running is not None:
                running.stop()
            directory.remove(self.directory)
            raise TracekitError(f"cannot record into {self.directory}: {error.strerror}") from None
        self._joined = environment(self.directory, options, os.environ)
        self._saved = _join_children(os.environ, self._joined)

    def stop(self) -> None:
        """End the recording and have the trace written."""
        from tracekit.spool import directory

        _leave_children(os.environ, self._joined, self._saved)
        self.recording.stop()
        if os.getpid() == self.pid:  # a fork that goes on as a program of its own leaves the trace to its parent
            directory.set_anchor(self.description)
            directory.write(self.directory, self.description)
            _convert(self)


_VARIABLES = ("PYTHONPATH", SESSION_VARIABLE, OPTIONS_VARIABLE)


def _join_children(environ: MutableMapping[str, str], joined: Mapping[str, str]) -> dict[str, str | None]:
    saved = {name: environ.get(name) for name in _VARIABLES}
    for name in _VARIABLES:
        environ[name] = joined[name]
    return saved


def _leave_children(
    environ: MutableMapping[str, str], joined: Mapping[str, str], saved: Mapping[str, str | None]
) -> None:
    for name, value in saved.items():
        if environ.get(name) != joined[name]:  # the program has set it since; without the session the bootstrap is idle
            continue
        if value is None:
            del environ[name]
        else:
            environ[name] = value


def _convert(started: _Started) -> None:
    import subprocess

    from tracekit.dumps import plain_environment, tracekit_command

    command = tracekit_command("recover", started.directory, "-o", started.output)
    command += ["--keep-session"] if started.keep_session else []
    command += ["--quiet"] if started.quiet else []
    # As a child of its own, where the program's own packages and settings don't get in the way.
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, env=plain_environment()).returncode
    except OSError as error:  # no Python to run, as in a program that embeds it; no process to be had
        recording.tell(f"cannot run {sys.executable or 'Python'}: {error.strerror}")
        status = -1
    if status:
        kept = f"the session is kept: `tracekit recover {started.directory}` tries again"
        recording.tell(
            f"the trace was not written; {kept if os.path.isdir(started.directory) else 'its session is gone'}"
        )


def start(
    output: str | os.PathLike[str],
    *,
    threshold: str = DEFAULT_THRESHOLD,
    max_size: str | None = None,
    flight: str | None = None,
    observe: bool = False,
    rate: int | None = None,
    locks: bool = False,
    keep_session: bool = False,
    quiet: bool = True,
    observer: bool = False,
    viztracer: bool | str = False,
    keep_viztracer: bool = False,
) -> None:
    """Begin to record this process, and the children that it starts from now on; until `stop`, or until the program exits.

    It may be called in the middle of things: live threads, running loops and pools are taken in and marked as begun before.
    Under `tracekit run`, which records the whole program already, it does nothing.

    Args:
        output: where `stop` writes the trace: a name that ends in .json, .json.gz, .pftrace or .pftrace.gz.
        threshold: a step of an event loop longer than this is a block; "50ms", "1.5s".
        max_size: what the recording of one process may take on disk; "64MB", "1GB". Past it recording stops and says so.
        flight: keep only the last part of each process: "10s", or what fits into "64MB". The rest is let go of, for days.
            It is written when the session stops; before, by `dump`, when an event loop was blocked, and on an unhandled
            exception.
        observe: a process beside the program looks at it: what each thread does (runs, waits for a processor, the GIL, a lock,
            input, ...), what the processes weigh, and where in the code an event loop is blocked.
        rate: how often a second it looks; default 100, where there is one. A number other than 0 turns it on.
        locks: record who waits for a lock, who holds it, and who lets it go; also for conditions, events, queues, joins.
        keep_session: keep the raw recording (STEM.tracekit, beside the output) after the trace is written.
        quiet: `stop` prints nothing; otherwise the findings, on stderr.
        observer: what `observe` was called once.
        viztracer: have viztracer record every call of a function, here and in child processes; True, or what to ask it for, as
            for `tracekit run --viztracer`. Before Python 3.12 it sees this thread and those that begin later.
        keep_viztracer: keep viztracer's own files as well (STEM-viztracer-PID.json, beside the output).

    Raises:
        TracekitError: a session is running already, or the output cannot be written.
    """
    global _started
    if _started is not None:
        raise TracekitError(f"a session is running already, for {_started.output}; call tracekit.stop() first")
    if rate is None:
        rate = DEFAULT_RATE if observe or observer else 0
    asked = viztracer if isinstance(viztracer, str) else "" if viztracer else None
    options = Options.parse(threshold, max_size, flight, rate, locks=locks, viztracer=asked)
    if _running is None:
        import atexit

        _started = _Started(os.fspath(output), options, keep_session, quiet, keep_viztracer)
        atexit.register(stop)
    else:
        recording.tell(f"this program is recorded already; {os.fspath(output)} is not written")


def stop() -> None:
    """End the session that `start` began and write its trace; without one it does nothing."""
    global _started
    started, _started = _started, None
    if started is not None:
        import atexit

        atexit.unregister(stop)
        started.stop()


def dump(path: str | os.PathLike[str] | None = None) -> str | None:
    """Write a trace of what the running session holds now, and wait until it is there; the recording goes on.

    Args:
        path: a name that ends in .json, .json.gz, .pftrace or .pftrace.gz; default STEM-dump-1.json.gz (2, 3, …) beside the
            session.

    Returns:
        Where the trace is; None where no session is running, or it could not be written (then stderr says why).

    Raises:
        TracekitError: `path` cannot be written to.
    """
    recorder = recording.current
    if recorder is None:
        return None
    from tracekit import dumps
    from tracekit.spool import directory

    output = directory.dump_of(recorder.directory) if path is None else directory.check_output(os.fspath(path))
    python = directory.read(recorder.directory).get("python")
    if dumps.dump(recorder.directory, output, python if isinstance(python, str) else ""):
        return output
    if path is None and not os.path.getsize(output):
        os.unlink(output)
    return None


class session:
    """A session for a block of code: `with tk.session("out.json"): …`. Arguments and errors as for `start`."""

    def __init__(
        self,
        output: str | os.PathLike[str],
        *,
        threshold: str = DEFAULT_THRESHOLD,
        max_size: str | None = None,
        flight: str | None = None,
        observe: bool = False,
        rate: int | None = None,
        locks: bool = False,
        keep_session: bool = False,
        quiet: bool = True,
        observer: bool = False,
        viztracer: bool | str = False,
        keep_viztracer: bool = False,
    ) -> None:
        self._output = output
        self._threshold = threshold
        self._max_size = max_size
        self._flight = flight
        self._observe = observe or observer
        self._rate = rate
        self._locks = locks
        self._keep_session = keep_session
        self._quiet = quiet
        self._viztracer = viztracer
        self._keep_viztracer = keep_viztracer

    def __enter__(self) -> session:
        start(
            self._output,
            threshold=self._threshold,
            max_size=self._max_size,
            flight=self._flight,
            observe=self._observe,
            rate=self._rate,
            locks=self._locks,
            keep_session=self._keep_session,
            quiet=self._quiet,
            viztracer=self._viztracer,
            keep_viztracer=self._keep_viztracer,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stop()


class viztracer:
    """Have viztracer record every call of a function while a block of code runs: `with tk.viztracer(): …`.

    They go into the session that is running; without one this does nothing. Before Python 3.12 viztracer sees the thread that
    runs the block and those that begin in it, since then all threads. The first block of a process waits 0.2 s for viztracer.

    Args:
        asked: what to ask viztracer for, as for `tracekit run --viztracer`; the first block of a session decides.

    Raises:
        UsageError: that does not read.
    """

    def __init__(self, asked: str = "") -> None:
        from tracekit.capture.settings import settled

        self._asked = settled(asked)
        self._calls: list[Calls | None] = []

    def __enter__(self) -> viztracer:
        running = _running or (_started.recording if _started is not None else None)
        calls = None if running is None else running.record_calls(self._asked)
        self._calls.append(calls)
        if calls is not None:
            calls.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        calls = self._calls.pop()
        if calls is not None:
            calls.end()
