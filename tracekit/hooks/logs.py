"""Logs: what the program logs becomes points of the trace, and its log lines say where in the trace they are.

Two doors of one line each, a processor for structlog and a handler for `logging`; neither takes a lock, and without a session
both do next to nothing. structlog is never imported here: a processor is a function. Knows the recorder and no session.

    structlog.configure(processors=[…, tk.log_processor, structlog.dev.ConsoleRenderer()])
    logging.getLogger().addHandler(tk.LogHandler())

A line of the log gets `tracekit_session`, the name of the trace; `tracekit_id`, which the point in the trace has as
well; and, where there is one, `tracekit_task` and `tracekit_span`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from tracekit import events
from tracekit.record import recorder as recording
from tracekit.record.arguments import encode
from tracekit.record.recorder import Recorder
from tracekit.spool.buffer import MOST_DETAILS
from tracekit.spool.core import PACKAGE
from tracekit.spool.layout import code_text
from tracekit.spool.texts import MOST_CHARACTERS

_SESSION, _TASK, _SPAN, _ID = _IDS = ("tracekit_session", "tracekit_task", "tracekit_span", "tracekit_id")
_NOWHERE = dict.fromkeys(_IDS, "")
_USUAL = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
# What structlog calls the methods of its loggers.
_METHODS = {
    "debug": 10,
    "info": 20,
    "msg": 20,
    "warning": 30,
    "warn": 30,
    "error": 40,
    "exception": 40,
    "err": 40,
    "failure": 40,
    "critical": 50,
    "fatal": 50,
}
# Of an event of structlog what the point in the trace says in its own way, or not at all.
_NO_VALUES = frozenset(
    ("event", "level", "timestamp", "exc_info", "exception", "stack", "stack_info", "positional_args")
) | {"_record", "_from_structlog", "_logger", "_name", *_IDS}
_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", *_IDS}
_LOGGING = os.path.dirname(logging.__file__) + os.sep
_HAND_ON = ("structlog", "concurrent", "threading")  # the latter: of loggers that are awaited
_MOST_FILES = 10_000
_passing_on: dict[str, bool] = {}
_TEXT_DETAILS = 4 * MOST_CHARACTERS // 15 + 2  # that the text of a log may take

# From now on spans are followed: a log line is to name the one that it is in, whenever that began.
recording.spans.follow()


def log_processor(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog: records each event in the running session, and gives it the keys that find it there.

    The point lies where the processor runs; of `await log.ainfo(…)` that is a worker thread.

    Args:
        method, event: as structlog gives them; to be put before the renderer, behind what binds values. The level is the name
            of the method that was called.

    Returns:
        The event, with `tracekit_session`, `tracekit_id`, `tracekit_task` and `tracekit_span` as far as they are known;
        without a session as it is.
    """
    recorder = recording.current
    if recorder is not None and recorder.knows_thread():
        try:
            _record_event(recorder, method, event)
        except Exception as error:
            _complain(recorder, error)
    return event


class LogHandler(logging.Handler):
    """A handler for `logging`: records each line in the running session: `logging.getLogger().addHandler(tk.LogHandler())`.

    The level, the text, the logger, what `extra` has and where in the program it was logged. It prints nothing. Further
    handlers, if `tk.log_ids` is among their filters, can print where in the trace a line is.

    Args:
        level: lines below are not recorded.
    """

    def createLock(self) -> None:
        """There is nothing that threads would have to share."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Record one line; False where a filter of this handler holds it back."""
        if recording.current is None:
            return True
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Record one line."""
        log_ids(record)


def log_ids(record: logging.LogRecord) -> bool:
    """A filter for the handlers of `logging`: `handler.addFilter(tk.log_ids)`; records the line as LogHandler does.

    Formats may then have `%(tracekit_session)s`, `%(tracekit_id)s`, `%(tracekit_task)s` and `%(tracekit_span)s`, which are
    empty where there is no session, task or span. A line is recorded once, however many handlers it passes.

    Returns:
        True: it holds nothing back.
    """
    recorder = recording.current
    if recorder is None or not recorder.knows_thread():
        for name in _IDS:
            record.__dict__.setdefault(name, "")
    elif not record.__dict__.get(_ID):
        record.__dict__.update(_NOWHERE)
        try:
            record.__dict__.update(_record_line(recorder, record))
        except Exception as error:
            _complain(recorder, error)
    return True


def _record_event(recorder: Recorder, method: str, event: MutableMapping[str, Any]) -> None:
    values = {key: value for key, value in event.items() if key not in _NO_VALUES}
    level = str(event.get("level", method))
    number = _METHODS.get(method) or _METHODS.get(level, 0)
    error = _error(event.get("exc_info"))
    event.update(_write(recorder, str(event.get("event", "")), number, level, values, error, _caller()))


def _record_line(recorder: Recorder, record: logging.LogRecord) -> Mapping[str, str]:
    message: Any = record.msg
    values: dict[str, Any] = {"logger": record.name}
    if isinstance(message, dict) and "event" in message:  # of structlog, for its formatter
        if message.get(_ID):
            return {key: message[key] for key in _IDS if key in message}
        text = str(message["event"])
        values.update((key, value) for key, value in message.items() if key not in _NO_VALUES)
    else:
        text = _text(record)
        if isinstance(record.args, Mapping):
            values.update(record.args)
    values.update((key, value) for key, value in record.__dict__.items() if key not in _OF_EVERY_RECORD)
    if record.thread not in (None, threading.get_ident()):  # a queue lies in between
        values["logged on thread"] = record.threadName
    code = code_text(record.funcName or "", record.pathname, record.lineno)
    return _write(recorder, text, record.levelno, record.levelname, values, _error(record.exc_info), code)


def _write(
    recorder: Recorder, text: str, number: int, level: str, values: Mapping[str, Any], error: str, code: str
) -> dict[str, str]:
    """Record it; returns the keys that find it."""
    number = min(max(number, 0), 255)
    word = 0 if number in _USUAL else recorder.intern(level)
    details = [(events.CODE, recorder.intern(code))] if code else []
    if error:
        details.append((events.ERROR, recorder.intern(error)))
    details += encode(values, recorder.intern, MOST_DETAILS - len(details) - _TEXT_DETAILS)
    slot = recorder.write_named(events.LOG, text, number | word << 8, details)
    ids = {_SESSION: _session(recorder.directory), _ID: f"{recorder.pid}-{slot:x}"}
    task, span = _task(), recording.spans.innermost()
    if task:
        ids[_TASK] = task
    if span is not None:
        ids[_SPAN] = span
    return ids


@lru_cache(maxsize=8)
def _session(directory: str) -> str:
    return os.path.basename(directory).removesuffix(".tracekit")


def _task() -> str:
    """The name of the task that runs here, or ""."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
        return "" if task is None else str(task.get_name()) if hasattr(task, "get_name") else "Task"
    if trio is not None and hasattr(trio, "lowlevel") and trio.lowlevel.in_trio_task():
        return str(trio.lowlevel.current_task().name)
    return ""


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit; the handlers that print it complain of that
        return str(record.msg)


def _error(given: Any) -> str:
    """The name of the class of what `exc_info` gives: an exception, what sys.exc_info() does, or True for that."""
    if not given:
        return ""
    kind = given[0] if isinstance(given, tuple) else type(given)
    if not isinstance(given, (tuple, BaseException)):
        kind = sys.exc_info()[0]
    return "" if kind is None else str(kind.__name__)


def _caller() -> str:
    """Where in the program it was logged: the innermost frame that is neither ours, nor structlog's, nor logging's."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not _passes_on(code.co_filename, frame):
            line = frame.f_lineno or code.co_firstlineno
            return code_text(getattr(code, "co_qualname", code.co_name), code.co_filename, line)
        frame = frame.f_back
    return ""


def _passes_on(file: str, frame: Any) -> bool:
    """Whether this file's code only hands on what others log."""
    known = _passing_on.get(file)
    if known is None:
        if len(_passing_on) >= _MOST_FILES:
            _passing_on.clear()
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        known = _passing_on[file] = file.startswith((PACKAGE, _LOGGING)) or module in _HAND_ON
    return known


def _complain(recorder: Recorder, error: Exception) -> None:
    recorder.note_once(f"something that was logged could not be recorded: {type(error).__name__}")
