"""The hook for processes: programs that are started, and what multiprocessing calls its children.

Knows only the recorder and the modules that start processes.

Forks are seen by the recorder itself, which must begin anew in the child.
"""

from __future__ import annotations

import os
import sys

from tracekit import events
from tracekit.hooks.entry import why_not_entered
from tracekit.hooks.imports import when_imported
from tracekit.hooks.patch import Hook
from tracekit.record import recorder as recording
from tracekit.record.program import COMMAND_CHARACTERS
from tracekit.spool import texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Any


class ProcessesHook(Hook):
    """Replaces the leaves that start programs, and one that multiprocessing calls early in each child of its own."""

    name = "processes"

    def install(self) -> None:
        self.replace(os, "posix_spawn", self._posix_spawn)
        self.replace(os, "posix_spawnp", self._posix_spawn)
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
        self._describe_child()  # a session that a child begins itself

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
            details = [(events.PARENT, process.parent_process().pid)]
            recorder.write_named(events.PROCESS_NAME, process.current_process().name, 0, details)
            sys.modules["multiprocessing.util"].Finalize(None, _finish, exitpriority=-1000)
        except Exception as error:
            self.fail(error)

    def _fork_exec(self, original: Any) -> Any:
        def fork_exec(command: Any, executables: Any, *rest: Any) -> Any:
            # Its child may run Python code before it execs (preexec_fn): no spool for that.
            outer, recording.here.spawning = recording.here.spawning, True
            try:
                pid = original(command, executables, *rest)
            finally:
                recording.here.spawning = outer
            # rest: close_fds, pass_fds, cwd, env_list (a list of b"KEY=value", or None), …
            self._write(pid, command, lambda: next(iter(executables), b""), lambda: _from_list(rest[3]))
            return pid

        return fork_exec

    def _posix_spawn(self, original: Any) -> Any:
        def posix_spawn(path: Any, argv: Any, env: Any, /, **kwargs: Any) -> Any:
            pid = original(path, argv, env, **kwargs)
            self._write(pid, argv, lambda: path, lambda: _from_mapping(env))
            return pid

        return posix_spawn

    def _write(
        self,
        pid: int,
        command: Iterable[Any],
        executable: Callable[[], Any],
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        recorder = recording.current
        if recorder is None:
            return
        try:
            words = [os.fsdecode(word) for word in command]
            key = recorder.intern("command")
            details = texts.encode(events.ARG_TEXT, key, " ".join(words), COMMAND_CHARACTERS)
            reason = why_not_entered(words, os.fsdecode(executable()), environment())
            if reason:
                details.append((events.REASON, recorder.intern(reason)))
            name = os.path.basename(words[0]) if words else ""
            recorder.write_named(events.PROCESS_SPAWN, name, pid, details)
        except Exception as error:
            self.fail(error)


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
