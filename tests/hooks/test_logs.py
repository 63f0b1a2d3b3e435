"""What a program logs, in its trace, and where in the trace it is, in its log. Knows programs, `logging` and structlog."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import logging.config
import logging.handlers
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

import tracekit as tk
from tracekit.model.trace import LOG_LEVEL, Category, Trace, TrackKind
from tracekit.record import recorder as recording


class Kept(logging.Handler):
    """Keeps the lines that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger of its own, as a program has one, without tracekit's handler yet."""
    logger = logging.getLogger("app.tests")
    logger.propagate = False
    logger.setLevel(1)
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)


def structured(**options: Any) -> Any:
    """A logger of structlog that gives back the event that would be printed."""
    processors = [
        structlog.contextvars.merge_contextvars,
        tk.log_processor,
        lambda _logger, _method, event: ((dict(event),), {}),
    ]
    return structlog.wrap_logger(structlog.ReturnLogger(), processors=processors, **options)


def logged(trace: Trace, kind: TrackKind = TrackKind.THREAD) -> list[tuple[str, str, dict[str, Any]]]:
    """What was logged on tracks of a kind: the track's name, the text and the arguments, in the order of time."""
    rows = trace.instants
    found = []
    for track, _, name, args in sorted(
        zip(*(column.tolist() for column in (rows.track, rows.time, rows.name, rows.args))), key=lambda row: row[1]
    ):
        if trace.tracks[track].kind == kind and args >= 0 and LOG_LEVEL in trace.args[args]:
            found.append((trace.tracks[track].name, trace.strings[name], trace.args[args]))
    return found


def test_a_handler_records_lines(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """Level, text, logger, what `extra` has, the exception's class and the place in the code are with the point."""
    logger.addHandler(tk.LogHandler())

    with recorded() as recording:
        logger.warning("slow query %s", 7, extra={"rows": 3, "table": "users"})
        try:
            raise KeyError("a secret")
        except KeyError:
            logger.exception("failed: %(what)s", {"what": "it"})

    (_, first, warning), (_, second, error) = logged(recording.trace)
    assert (first, second) == ("slow query 7", "failed: it")
    assert (warning[LOG_LEVEL], warning["logger"], warning["rows"], warning["table"]) == (
        "warning",
        "app.tests",
        3,
        "users",
    )
    assert (warning["function"], warning["file"]) == ("test_a_handler_records_lines", __file__)
    assert (error[LOG_LEVEL], error["error"], error["what"]) == ("error", "KeyError", "it")
    assert "secret" not in str(error)


def test_a_processor_records_events(recorded: Callable[..., Any]) -> None:
    """Of an event of structlog its level, text and bound values are with the point, and the place that logged it."""
    log = structured().bind(user="me")

    with recorded() as recording, structlog.contextvars.bound_contextvars(request=12):
        log.error("it failed", exc_info=ValueError("a secret"), tries=3, ratio=0.5, ok=False, why=None)

    [(_, text, args)] = logged(recording.trace)
    assert text == "it failed"
    expected = {LOG_LEVEL: "error", "user": "me", "request": 12, "tries": 3, "ratio": 0.5, "ok": False, "why": None}
    assert {key: args[key] for key in expected} == expected
    assert args["error"] == "ValueError"
    assert (args["function"].rpartition(".")[2], args["file"]) == ("test_a_processor_records_events", __file__)
    assert "secret" not in str(args)


def test_a_log_lies_on_its_thread_and_on_its_task(recorded: Callable[..., Any]) -> None:
    """In a step it is on the thread and on that very task; elsewhere on the thread alone."""
    log = structured()

    async def speak(name: str) -> None:
        log.info(name)
        await asyncio.sleep(0)
        log.info(name)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(speak(name), name=name) for name in ("one", "two")]
        await asyncio.gather(*tasks)

    with recorded() as recording:
        asyncio.run(main())
        log.info("outside")
        thread = threading.Thread(target=log.info, args=("elsewhere",), name="other")
        thread.start()
        thread.join()

    trace = recording.trace
    assert [text for _, text, _ in logged(trace)] == ["one", "two", "one", "two", "outside", "elsewhere"]
    assert [track for track, text, _ in logged(trace) if text == "elsewhere"] == ["other"]
    on_tasks = logged(trace, TrackKind.TASK)
    assert [(track.partition(" ")[0], text) for track, text, _ in on_tasks] == [("one", "one"), ("two", "two")] * 2
    assert [args["tracekit_id"] for _, _, args in on_tasks] == [args["tracekit_id"] for _, _, args in logged(trace)][:4]


def test_a_line_says_where_in_the_trace_it_is(recorded: Callable[..., Any]) -> None:
    """The keys name the session, the task and the innermost span where it was logged, and the point in the trace."""
    log = structured()
    lines: list[dict[str, Any]] = []

    @tk.trace(name="called")
    def called() -> None:
        lines.append(log.info("in a function"))

    @tk.trace(name="waits")
    async def waits() -> None:
        with tk.span("query"):
            await asyncio.sleep(0)
            lines.append(log.info("in a task"))
        lines.append(log.info("after it"))

    async def main() -> None:
        with tk.span("main"):
            await asyncio.gather(*(asyncio.create_task(waits(), name=name) for name in ("a", "b")))

    with recorded() as recording:
        lines.append(log.info("nowhere"))
        with tk.span("outer", why=1):
            called()
            lines.append(log.info("outside again"))
            asyncio.run(main())

    session = recording.directory.name.removesuffix(".tracekit")
    assert {line["tracekit_session"] for line in lines} == {session}
    where = [(line["event"], line.get("tracekit_task"), line.get("tracekit_span")) for line in lines]
    assert where[:3] == [("nowhere", None, None), ("in a function", None, "called"), ("outside again", None, "outer")]
    assert sorted(where[3:]) == [
        ("after it", "a", "waits"),
        ("after it", "b", "waits"),
        ("in a task", "a", "query"),
        ("in a task", "b", "query"),
    ]
    assert [line["tracekit_id"] for line in lines] == [args["tracekit_id"] for _, _, args in logged(recording.trace)]


def test_the_span_that_a_line_names_is_around_it(recorded: Callable[..., Any]) -> None:
    """In the trace the point lies within the span that its line names, on the thread or the task."""
    log = structured()
    lines: dict[str, str] = {}

    def note(event: dict[str, Any]) -> None:
        lines[event["tracekit_id"]] = event["tracekit_span"]

    async def serve(number: int) -> None:
        with tk.span(f"request {number % 3}"):
            for _ in range(3):
                await asyncio.sleep(0)
                note(log.info("served"))

    async def main() -> None:
        await asyncio.gather(*map(serve, range(20)))

    with recorded() as recording:
        asyncio.run(main())

    trace = recording.trace
    found = 0
    for track, time, args in zip(
        *(column.tolist() for column in (trace.instants.track, trace.instants.time, trace.instants.args))
    ):
        if trace.tracks[track].kind != TrackKind.TASK:
            continue
        slices = trace.slices
        around = (
            (slices.track == track) & (slices.start <= time) & (slices.end >= time) & (slices.category == Category.SPAN)
        )
        assert [trace.strings[name] for name in slices.name[around]] == [lines[trace.args[args]["tracekit_id"]]]
        found += 1
    assert found == 60


def test_spans_that_are_not_running_are_not_named(recorded: Callable[..., Any]) -> None:
    """A generator's span is named while the generator runs, not while it is suspended."""
    log = structured()
    where: list[str | None] = []

    def look() -> None:
        where.append(log.info("here").get("tracekit_span"))

    @tk.trace(name="numbers")
    def numbers() -> Iterator[int]:
        for number in range(2):
            look()
            yield number

    @tk.trace(name="more")
    async def more() -> Any:
        look()
        yield 1

    async def main() -> None:
        async for _ in more():
            look()

    with recorded():
        for _ in numbers():
            look()
        asyncio.run(main())

    assert where == ["numbers", None, "numbers", None, "more", None]


def test_contexts_of_threads(recorded: Callable[..., Any]) -> None:
    """A variable that is set while a span is open, and another thread, change nothing about which span is open."""
    log, variable = structured(), contextvars.ContextVar("variable", default=0)
    where: list[str | None] = []

    def work() -> None:
        where.append(log.info("unspanned").get("tracekit_span"))
        with tk.span("inner"):
            variable.set(1)
            where.append(log.info("spanned").get("tracekit_span"))

    with recorded(), tk.span("outer"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        where.append(log.info("outer").get("tracekit_span"))

    assert where == [None, "inner", "outer"]


def test_a_filter_for_formats(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """`log_ids` gives lines what formats may name, empty where there is nothing, and records each line once."""
    printed, also = Kept(), Kept()
    for handler in (tk.LogHandler(), printed, also):
        handler.addFilter(tk.log_ids)
        logger.addHandler(handler)
    form = logging.Formatter("%(message)s|%(tracekit_session)s|%(tracekit_task)s|%(tracekit_span)s")

    logger.info("before")
    with recorded() as recording, tk.span("load"):
        logger.info("inside")

    assert [form.format(record) for record in printed.records] == ["before|||", "inside|session0||load"]
    [(_, _, args)] = logged(recording.trace)
    assert vars(also.records[1])["tracekit_id"] == args["tracekit_id"]


def test_without_a_session_an_event_stays_as_it_is() -> None:
    """With no session the processor gives the event back as it came, the same object."""
    event = {"event": "nothing"}

    assert tk.log_processor(None, "info", event) is event
    assert event == {"event": "nothing"}


def test_filters_and_levels_of_the_handler_count(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """What is below the handler's level or held back by its filters is not recorded; a filter's own record is."""

    def only(record: logging.LogRecord) -> bool:
        return "yes" in record.getMessage()

    handler = tk.LogHandler(logging.INFO)
    handler.addFilter(only)
    logger.addHandler(handler)

    with recorded() as recording:
        logger.debug("yes, but too low")
        logger.info("no")
        logger.info("yes")

    assert [text for _, text, _ in logged(recording.trace)] == ["yes"]


def test_levels_of_ones_own(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """A level that is none of the usual ones keeps its name."""
    logging.addLevelName(25, "NOTICE")
    logger.addHandler(tk.LogHandler())

    with recorded() as recording:
        logger.log(25, "noticed")
        logger.log(7, "low")
        structured().msg("a message")
        structured().critical("the end")

    assert [(text, args[LOG_LEVEL]) for _, text, args in logged(recording.trace)] == [
        ("noticed", "notice"),
        ("low", "level 7"),
        ("a message", "info"),
        ("the end", "critical"),
    ]


def test_lines_that_cannot_be_told_are_told_as_far_as_they_can(
    recorded: Callable[..., Any], logger: logging.Logger
) -> None:
    """Arguments that don't fit, values whose repr fails, surrogates, endless texts: the point is there, and nothing is raised."""

    class Nasty:
        def __repr__(self) -> str:
            raise RuntimeError

    logger.addHandler(tk.LogHandler())

    with recorded() as recording:
        logger.handlers[-1].handle(logger.makeRecord("app", logging.INFO, "", 0, "%d", ("no number",), None))
        logger.info("\ud800 and so on", extra={"value": Nasty()})
        logger.info("x" * 100_000, extra={f"key {number}": "y" * 400 for number in range(100)})
        structured().info({"not": "a text"}, **{"log level": "mine", "file": "mine"})

    texts = [text for _, text, _ in logged(recording.trace)]
    assert texts[0] == "%d"
    assert texts[1] == "? and so on"
    assert texts[2].startswith("x" * 500)
    assert texts[3] == "{'not': 'a text'}"
    assert logged(recording.trace)[1][2]["value"].startswith("<Nasty")
    args = logged(recording.trace)[3][2]
    assert (args[LOG_LEVEL], args["log level_"], args["file"], args["file_"]) == ("info", "mine", __file__, "mine")


def test_a_line_from_a_queue_says_whose_it_is(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """Where a queue lies between a line and the handler, the point is where the handler ran, and names the thread that logged."""
    lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logger.addHandler(logging.handlers.QueueHandler(lines))  # type: ignore[arg-type]
    handler = tk.LogHandler()

    with recorded() as recording:
        thread = threading.Thread(target=logger.info, args=("from afar",), name="far")
        thread.start()
        thread.join()
        handler.handle(lines.get())

    [(track, _, args)] = logged(recording.trace)
    assert (track, args["logged on thread"]) == ("MainThread", "far")


def test_structlog_through_logging(recorded: Callable[..., Any], logger: logging.Logger) -> None:
    """Events that structlog has `logging` print are recorded once, by the processor or by the handler, values and all."""
    logger.addHandler(tk.LogHandler())
    last = structlog.stdlib.ProcessorFormatter.wrap_for_formatter

    with recorded() as recording:
        structlog.wrap_logger(logger, processors=[tk.log_processor, last]).warning("by both", n=1)
        structlog.wrap_logger(logger, processors=[last]).warning("by the handler", n=2)

    assert [(text, args["n"]) for _, text, args in logged(recording.trace)] == [("by both", 1), ("by the handler", 2)]


def test_a_logger_that_is_awaited(recorded: Callable[..., Any]) -> None:
    """Of a logger that hands events to a worker thread the point lies there, and names neither a task nor a span nor a place."""
    log = structlog.get_logger()

    async def main() -> None:
        with tk.span("around"):
            await log.ainfo("from afar")

    with structlog.testing.capture_logs(processors=[tk.log_processor]) as lines, recorded() as recording:
        asyncio.run(main())

    [(track, text, args)] = logged(recording.trace)
    assert (track.partition("_")[0], text) == ("asyncio", "from afar")
    assert "file" not in args
    assert set(lines[0]) - {"log_level"} == {"event", "tracekit_session", "tracekit_id"}


def test_a_configuration_names_it(recorded: Callable[..., Any]) -> None:
    """`logging.config` finds the handler and the filter by their names."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"ids": {"()": lambda: tk.log_ids}},
            "handlers": {"trace": {"class": "tracekit.LogHandler", "filters": ["ids"], "level": "INFO"}},
            "loggers": {"app.configured": {"handlers": ["trace"], "level": "DEBUG", "propagate": False}},
        }
    )

    with recorded() as recording:
        logging.getLogger("app.configured").info("hello")

    assert [text for _, text, _ in logged(recording.trace)] == ["hello"]
    logging.getLogger("app.configured").handlers.clear()


def test_children_log_under_their_own_pids(run_python: Callable[..., Any]) -> None:
    """A forked child's lines are its own process's, have ids of its own, and name none of its parent's spans."""
    ran = run_python(
        """
        import json, os, structlog, tracekit as tk
        structlog.configure(processors=[tk.log_processor, structlog.processors.JSONRenderer()])
        log = structlog.get_logger()
        with tk.span("around"):
            log.info("parent")
            pid = os.fork()
            if not pid:
                log.info("child")
                os._exit(0)
            os.waitpid(pid, 0)
        """
    )

    parent, child = sorted(map(json.loads, ran.stdout.splitlines()), key=lambda line: line["event"] == "child")
    assert parent["tracekit_span"] == "around"
    assert "tracekit_span" not in child
    trace = ran.trace
    ids = {args["tracekit_id"]: text for _, text, args in logged(trace)}
    assert ids == {parent["tracekit_id"]: "parent", child["tracekit_id"]: "child"}
    assert parent["tracekit_id"].partition("-")[0] != child["tracekit_id"].partition("-")[0]


def test_logs_of_a_flight_recorder(recorded: Callable[..., Any]) -> None:
    """A flight recorder keeps the latest lines, as it does everything else."""
    log = structured()

    with recorded(flight_bytes=200_000) as recording:
        for number in range(30_000):
            log.info(f"line {number}")

    texts = [text for _, text, _ in logged(recording.trace)]
    assert 0 < len(texts) < 30_000
    assert texts == [f"line {number}" for number in range(30_000 - len(texts), 30_000)]


def test_structlog_is_not_loaded_for_those_who_do_without() -> None:
    """The handler, the filter and the processor don't import structlog, and `import tracekit` doesn't import `logging`."""
    code = (
        "import sys, tracekit; before = 'logging' in sys.modules; tracekit.LogHandler, tracekit.log_processor; "
        "print(before, 'logging' in sys.modules, 'structlog' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "True", "False"]


def test_a_failure_of_ours_is_said_once(
    recorded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where recording a line fails the program's log goes on, and stderr and the trace say so once."""
    log = structured()

    with recorded() as running:
        assert recording.current is not None
        monkeypatch.setattr(recording.current, "write_named", lambda *_: 1 / 0)
        assert log.info("one") == {"event": "one"}
        assert log.info("two") == {"event": "two"}

    assert capsys.readouterr().err.count("something that was logged could not be recorded: ZeroDivisionError") == 1
    assert any("could not be recorded" in note for note in running.trace.notes)
