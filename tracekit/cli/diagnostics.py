"""Diagnostics: what tracekit itself has to say from outside of the program, as events of structlog. Knows no command.

For people an event is one line, "tracekit: …"; for programs an object of JSON a line, with the event's name, which is
stable, its level, the time, the sentence, and what it is about. Both go to stderr. structlog is loaded with the first word:
most runs have none.
Inside of the traced program nothing of this runs: there the recorder writes its words plainly.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

import click

from tracekit.record.recorder import tell

FORMATS = ("human", "json")
VARIABLE = "TRACEKIT_LOG"

_FIRST = ("event", "level", "timestamp", "text")  # of a line of JSON

_asked = ""


def _ask(_context: click.Context, _option: click.Parameter, asked: str | None) -> None:
    global _asked
    _asked = asked or ""


log_format_option = click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    expose_value=False,
    callback=_ask,
    help="How tracekit says what it has to say, on stderr: for people, or as one JSON object a line, the findings and notes of a "
    f"run as well. Default: {VARIABLE} in the environment, or human.",
)


def log_format() -> str:
    """One of FORMATS: what was asked for on the command line, or in the environment."""
    asked = _asked or os.environ.get(VARIABLE, "")
    return asked if asked in FORMATS else FORMATS[0]


def is_json() -> bool:
    """Whether programs read what is said."""
    return log_format() == "json"


def say(event: str, text: str, level: str = "info", **values: Any) -> None:
    """Say something to the user.

    Args:
        event: the name of what happened, the same each time: "deadlock-seen".
        text: the sentence; all that people see.
        level: debug, info, warning, error or critical.
        values: what it is about; numbers, texts, lists and dicts.
    """
    try:
        logger = _logger(log_format())
    except Exception:  # structlog is not there, or broken; what matters is the word
        tell(text)
        return
    getattr(logger, level)(event, text=text, **values)


@cache
def _logger(style: str) -> Any:
    import structlog

    last: list[Any] = [structlog.processors.TimeStamper(fmt="iso", utc=True), _line] if style == "json" else [_sentence]
    return structlog.wrap_logger(
        _Stderr(),
        processors=[structlog.processors.add_log_level, *last],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
    )


def _sentence(_logger: Any, _method: str, event: dict[str, Any]) -> str:
    return f"tracekit: {event['text']}"


def _line(_logger: Any, _method: str, event: dict[str, Any]) -> str:
    import orjson

    event = {**{key: event[key] for key in _FIRST if key in event}, **event}
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        return orjson.dumps({key: repr(value) for key, value in event.items()}).decode()


class _Stderr:
    """What structlog hands its lines to, whatever state stderr is in."""

    def msg(self, line: str) -> None:
        """Write one line at once, so that no other process's stands in the middle of it."""
        try:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except Exception:  # no stderr, or a closed one: what was to be said is lost, and nothing else
            pass

    debug = info = warning = error = critical = msg
