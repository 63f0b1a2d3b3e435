"""Pickling: when jobs and results are made into bytes and read from them, and how large they are. Knows connections, no pool.

What is seen are leaves: of a connection the instance itself is tapped, so that no other one pays. Where pickling begins
is told by whoever knows what it is (process_pools.py, pools.py); where the bytes are there, the connection tells.
"""

from __future__ import annotations

from _thread import _local
from _weakref import ref
from sys import _getframe

from tracekit import events
from tracekit.hooks.job_records import error_details
from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tracekit.spool.buffer import Details

_TAPS = "_send_bytes", "_recv_bytes", "_check_writable"


class _Here(_local):
    """What the calling thread pickles: one of events.PICKLE_JOB and so on, 0: nothing; its details, and its bytes so far."""

    what = 0
    details: tuple[tuple[int, int], ...] = ()
    size = 0


class Pickling:
    """What is written of pickling, and the connections that are tapped for it.

    Args:
        fail: told what goes wrong.
    """

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        self.fail = fail
        self._here = _Here()
        self._tapped: list[Any] = []  # weak references to connections

    def begin(self, what: int, *details: tuple[int, int]) -> None:
        """Something begins to be made into bytes by the calling thread, or its bytes have come.

        Args:
            what: events.PICKLE_JOB and so on.
            details: that say what it is, as far as that is known.
        """
        recorder = recording.current
        here = self._here
        here.what = 0
        if recorder is not None:
            recorder.write(events.PICKLE_BEGIN, what)
            here.what, here.details, here.size = what, details, 0

    def end(self, what: int, *details: tuple[int, int], size: int = -1) -> None:
        """It is done; nothing happens where something else was begun, or nothing.

        Args:
            what: as for `begin`.
            details: that say more of it.
            size: in bytes; where it is not given, as many as have come.
        """
        here = self._here
        if here.what != what:
            return
        here.what = 0
        recorder = recording.current
        if recorder is not None:
            size = here.size if size < 0 else size
            recorder.write(events.PICKLE_END, what, 0, [*here.details, *details, (events.BYTES, size)])

    def give_up(self, error: BaseException | None) -> None:
        """It failed; nothing happens where nothing was begun."""
        here = self._here
        recorder = recording.current
        if here.what and recorder is not None:
            more: Details = error_details(recorder, error) or []
            recorder.write(events.PICKLE_END, here.what, 0, [*here.details, *more])
        here.what = 0

    # Connections.

    def tap_sender(self, connection: Any, details: Callable[[], Details], task: bool) -> None:
        """See what is sent over a connection.

        Args:
            details: asked whenever something was pickled.
            task: jobs are sent by `send`, and begin to be pickled there; else whoever knows them has said so.
        """

        def sent(size: int) -> None:
            if self._here.what == events.PICKLE_JOB:
                self.end(events.PICKLE_JOB, *details(), size=size)

        if self._tap(connection, "_send_bytes", lambda original, alive: self._sender(original, alive, sent)) and task:
            self._tap(connection, "_check_writable", self._task_sender)

    def tap_results(self, connection: Any, details: Callable[[], Details]) -> None:
        """See the results that are received from a connection.

        Args:
            details: asked whenever one has come.
        """
        self._tap_receiver(connection, events.UNPICKLE_RESULT, details, None)

    def tap_jobs(self, connection: Any) -> None:
        """See the jobs that a worker receives from a connection, and when it is ready for the first one."""
        waited = False

        def wait() -> None:
            nonlocal waited
            recorder = recording.current
            if not waited and recorder is not None:
                waited = True
                recorder.write(events.POOL_WORKER, 0, recorder.pid)

        self._tap_receiver(connection, events.UNPICKLE_JOB, list, wait)

    def _tap_receiver(
        self, connection: Any, what: int, details: Callable[[], Details], wait: Callable[[], None] | None
    ) -> None:
        def make(original: Any, alive: Any) -> Any:
            def _recv_bytes(*args: Any) -> Any:
                try:
                    if wait is not None:
                        wait()
                except Exception as error:
                    self.fail(error)
                received = original(alive(), *args)
                try:
                    self.begin(what, *details())
                    self._here.size = received.tell()
                except Exception as error:
                    self.fail(error)
                return received

            return _recv_bytes

        self._tap(connection, "_recv_bytes", make)

    def release(self) -> None:
        """Take the taps off all connections."""
        for tapped in self._tapped:
            connection = tapped()
            for name in _TAPS if connection is not None else ():
                connection.__dict__.pop(name, None)
        self._tapped.clear()

    def _sender(self, original: Any, alive: Any, sent: Callable[[int], None]) -> Any:
        def _send_bytes(data: Any) -> None:
            try:
                sent(len(data))
            except Exception as error:
                self.fail(error)
            original(alive(), data)

        return _send_bytes

    def _task_sender(self, original: Any, alive: Any) -> Any:
        def _check_writable() -> None:
            original(alive())
            try:
                task = _getframe(1).f_locals.get("obj")
                if type(task) is tuple and len(task) == 5:
                    self.begin(events.PICKLE_JOB, (events.WORK, task[0]), (events.INDEX, task[1]))
            except Exception as error:
                self.fail(error)

        return _check_writable

    def _tap(self, connection: Any, name: str, make: Callable[[Any, Any], Any]) -> bool:
        """Puts a leaf in place of a method of one connection; returns whether it is there now."""
        original = getattr(type(connection), name, None)
        if original is None or not hasattr(connection, "__dict__") or name in connection.__dict__:
            return False
        # A reference to itself would keep a connection open that nobody has any more.
        alive = ref(connection)
        setattr(connection, name, make(original, alive))
        self._tapped = [tapped for tapped in self._tapped if tapped() is not None and tapped() is not connection]
        self._tapped.append(alive)
        return True


class Gate:
    """Stands before the lock of a pipe that several write to: whoever comes there has pickled what it writes.

    Args:
        lock: the lock.
        pickling: told of it.
    """

    def __init__(self, lock: Any, pickling: Pickling) -> None:
        self._lock = lock
        self._pickling = pickling

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)

    def __enter__(self) -> Any:
        try:
            data = _getframe(1).f_locals.get("obj", b"")
            self._pickling.end(events.PICKLE_RESULT, size=len(data))
        except Exception as error:
            self._pickling.fail(error)
        return self._lock.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self._lock.__exit__(*error)
