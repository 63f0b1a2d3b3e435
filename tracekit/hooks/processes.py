"""The hook for processes: programs that are started, or become another one, and what multiprocessing calls its children.

Knows only the recorder and the modules that start processes; their ends are ends.py's.

Forks are seen by the recorder itself, which must begin anew in the child.
"""

from __future__ import annotations

import os
import sys

from tracekit import events
from tracekit.clock import monotonic_ns
from tracekit.hooks.code import called_at, started_for
from tracekit.hooks.entry import why_not_entered
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording
from tracekit.record.program import COMMAND_CHARACTERS
from tracekit.spool import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from tracekit.spool.buffer import Details


class ProcessesHook(Hook):
    """Replaces the leaves that start programs, and one that multiprocessing calls early in each child of its own."""

    name = "processes"

    def install(self) -> None:
        _watch_forks(self)
        self.replace(os, "posix_spawn", self._posix_spawn)
        self.replace(os, "posix_spawnp", self._posix_spawn)
        self.replace(os, "execv", self._exec)
        self.replace(os, "execve", self._exec)
        self.replace(os, "system", self._system)
        when_imported("subprocess", self, self._install_subprocess)
        when_imported("multiprocessing.util", self, self._install_multiprocessing)

    def _install_subprocess(self, subprocess: ModuleType) -> None:
        # 3.10 looks it up in the C module; since then subprocess keeps a name of its own.
        self.replace(subprocess, "_fork_exec", self._fork_exec)
        self._install_fork_exec()

    def _install_fork_exec(self) -> None:
        import _posixsubprocess

        self.replace(_posixsubprocess, "fork_exec", self._fork_exec)

    def _install_multiprocessing(self, util: ModuleType) -> None:
        self._install_fork_exec()  # spawn and forkserver start their children by it
        # Every child comes by here before it runs, however it was started; by then it knows its name.
        self.replace(util, "_run_after_forkers", self._begin_child)
        self.replace(sys.modules["multiprocessing.context"].SpawnProcess, "_after_fork", self._begin_child)
        when_imported("multiprocessing.popen_forkserver", self, self._install_forkserver)
        self._describe_child()  # a session that a child begins itself

    def _install_forkserver(self, popen: ModuleType) -> None:
        self.replace(popen.Popen, "_launch", self._ask)

    def _begin_child(self, original: Any) -> Any:
        def after_fork() -> None:
            original()
            self._describe_child()

        return after_fork

    def _describe_child(self) -> None:
        """Say what multiprocessing calls this process, if it is a child of its: it leaves by os._exit, so mark its end, too."""
        recorder = recording.current
        try:
            process = sys.modules["multiprocessing.process"]
            if recorder is None or process.parent_process() is None:
                return
            own = process.current_process()
            details = [(events.PARENT, process.parent_process().pid)]
            code = started_for(own)
            if code is not None:
                details.append((events.CODE, recorder.intern(code)))
            recorder.write_named(events.PROCESS_NAME, own.name, 0, details)
            sys.modules["multiprocessing.util"].Finalize(None, _finish, exitpriority=-1000)
        except Exception as error:
            self.fail(error)

    def _fork_exec(self, original: Any) -> Any:
        def fork_exec(command: Any, executables: Any, *rest: Any) -> Any:
            # Its child may run Python code before it execs (preexec_fn): no spool for that.
            outer, recording.here.spawning = recording.here.spawning, True
            began = monotonic_ns()
            try:
                pid = original(command, executables, *rest)
            finally:
                recording.here.spawning = outer
            # rest: close_fds, pass_fds, cwd, env_list (a list of b"KEY=value", or None), …
            self._write(pid, began, command, lambda: next(iter(executables), b""), lambda: _from_list(rest[3]))
            return pid

        return fork_exec

    def _posix_spawn(self, original: Any) -> Any:
        def posix_spawn(path: Any, argv: Any, env: Any, /, **kwargs: Any) -> Any:
            began = monotonic_ns()
            pid = original(path, argv, env, **kwargs)
            self._write(pid, began, argv, lambda: path, lambda: _from_mapping(env))
            return pid

        return posix_spawn

    def _system(self, original: Any) -> Any:
        def system(*args: Any, **kwargs: Any) -> Any:
            began = monotonic_ns()
            status = original(*args, **kwargs)
            if status >= 0:  # else there was no process to be had
                command = ("sh", "-c", next(iter((*args, *kwargs.values()))))
                # The C library starts the shell and waits for it: nobody is told its pid.
                self._write(0, began, command, lambda: "sh", dict, [(events.STATUS, status)])
            return status

        return system

    def _exec(self, original: Any) -> Any:
        def become(*args: Any, **kwargs: Any) -> Any:
            argv = args[1] if len(args) > 1 else kwargs.get("argv", ())
            self._write_exec(0, argv)
            try:
                original(*args, **kwargs)
            except BaseException as error:
                self._write_exec(getattr(error, "errno", None) or 1, argv)
                raise

        return become

    def _ask(self, original: Any) -> Any:
        def launch(popen: Any, process: Any) -> None:
            began = monotonic_ns()
            original(popen, process)
            recorder = recording.current
            if recorder is not None:
                try:
                    recorder.write(events.PROCESS_ASKED, 0, popen.pid, [(events.TOOK, monotonic_ns() - began)])
                except Exception as error:
                    self.fail(error)

        return launch

    def _write(
        self,
        pid: int,
        began: int,
        command: Iterable[Any],
        executable: Callable[[], Any],
        environment: Callable[[], Mapping[str, str]],
        more: Details | None = None,
    ) -> None:
        recorder = recording.current
        if recorder is None:
            return
        try:
            words = [os.fsdecode(word) for word in command]
            name, details = _described(words, recorder)
            reason = why_not_entered(words, os.fsdecode(executable()), environment())
            if reason:
                details.append((events.REASON, recorder.intern(reason)))
            place = called_at(sys._getframe(1))
            if place:
                details.append((events.CODE, recorder.intern(place)))
            details += [(events.TOOK, monotonic_ns() - began), *(more or ())]
            recorder.write_named(events.PROCESS_SPAWN, name, pid, details)
        except Exception as error:
            self.fail(error)

    def _write_exec(self, errno: int, command: Iterable[Any]) -> None:
        recorder = recording.current
        if recorder is None:
            return
        try:
            name, details = _described([os.fsdecode(word) for word in command], recorder)
        except Exception:  # no command line at all, which the program is about to be told
            return
        try:
            recorder.write_named(events.PROCESS_EXEC, name, errno, details)
        except Exception as error:
            self.fail(error)


_watching: list[ProcessesHook] = []  # the one whose forks are watched, if any


def _watch_forks(hook: ProcessesHook) -> None:
    # What os.register_at_fork takes, it keeps for good. It is called before the recorder's own, which came first.
    if not _watching and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork)
    _watching[:] = [hook]


def _before_fork() -> None:
    """Say for the recorder which line of the program forks."""
    if recording.current is None or recording.here.spawning:
        return
    try:
        recording.here.forking = called_at(sys._getframe(1))
    except Exception as error:
        _watching[0].fail(error)


def _described(words: Sequence[str], recorder: recording.Recorder) -> tuple[str, Details]:
    """What a program is called, and its command line as details."""
    details = texts.encode(events.ARG_TEXT, recorder.intern("command"), " ".join(words), COMMAND_CHARACTERS)
    return os.path.basename(words[0]) if words else "", details


def _from_list(environment: Iterable[bytes] | None) -> Mapping[str, str]:
    """An environment out of b"KEY=value" entries; None is an inherited one."""
    if environment is None:
        return os.environ
    pairs = (os.fsdecode(entry).partition("=") for entry in environment)
    return {key: value for key, _, value in pairs}


def _from_mapping(environment: Mapping[Any, Any] | None) -> Mapping[str, str]:
    if environment is None:
        return os.environ
    return {os.fsdecode(key): os.fsdecode(value) for key, value in environment.items()}


def _finish() -> None:
    recorder = recording.current
    if recorder is not None:
        recorder.finish()
