"""Settings: what people may ask of viztracer, as text, and as the arguments that it takes. Knows no recorder.

What would make its calls something else than calls (a lane for each task, a time limit, another output) is ours to do.
"""

from __future__ import annotations

import os

from tracekit.errors import UsageError
from tracekit.units import parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLAGS = ("ignore_c_function", "ignore_frozen", "log_func_args", "log_func_retval")
_NUMBERS = ("tracer_entries", "max_stack_depth")
_PATHS = ("include_files", "exclude_files")
_DURATION = "min_duration"
_MOST = 100_000_000  # calls in the ring: ten gigabytes of memory
NAMES = (*_NUMBERS, _DURATION, *_PATHS, *_FLAGS)


def arguments(text: str) -> dict[str, Any]:
    """The arguments that a text stands for: NAME or NAME=VALUE, parted by commas; paths in a value by colons.

    Raises:
        UsageError: one of them is none of viztracer's, or does not read.
    """
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name:
            name = name.replace("-", "_")
            found[name] = _value(name, value.strip(), bool(equals))
    if len([name for name in _PATHS if name in found]) > 1:
        raise UsageError("viztracer takes either include_files or exclude_files; give one of them")
    return found


def settled(text: str) -> str:
    """The same with paths that hold in whatever directory they are read; arguments and errors as for `arguments`."""
    return ",".join(_said(name, value) for name, value in arguments(text).items())


def _said(name: str, value: Any) -> str:
    if value is True:
        return name
    if isinstance(value, list):
        return f"{name}={':'.join(value)}"
    return f"{name}={value}us" if name == _DURATION else f"{name}={value}"


def _value(name: str, value: str, given: bool) -> Any:
    if name in _FLAGS and not given:
        return True
    if name in _NUMBERS and value.isdecimal() and 0 < int(value) <= _MOST:
        return int(value)
    if name == _DURATION and given:
        return parse_duration(value) / 1000  # in µs
    if name in _PATHS and value:
        return [os.path.abspath(path) for path in value.split(":") if path]
    if name not in NAMES:
        raise UsageError(f"viztracer is given no {name!r} by tracekit; there are: {', '.join(NAMES)}")
    raise UsageError(f"viztracer's {name} needs {_need(name)}, not {value!r}")


def _need(name: str) -> str:
    if name in _NUMBERS:
        return f"a number from 1 to {_MOST}"
    if name == _DURATION:
        return "a duration, as 10us"
    return "paths, parted by colons" if name in _PATHS else "no value"
