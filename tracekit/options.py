"""Options: what a session records and keeps, and the environment in which child processes find that. Knows no recorder."""

from __future__ import annotations

import os

from tracekit.capture.settings import settled
from tracekit.errors import UsageError
from tracekit.hooks.entry import BOOTSTRAP, OPTIONS_VARIABLE, SESSION_VARIABLE
from tracekit.spool.limits import Limits
from tracekit.units import parse_duration, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HOOKS = ("threads", "asyncio", "trio", "greenlets", "executors", "processes", "gc")
ON_REQUEST = ("locks",)
DEFAULT_THRESHOLD = "50ms"
DEFAULT_RATE = 100
MOST_RATE = 1000
LEAST_SAMPLE_RATE = 10


class Options:
    """What a session records.

    Args:
        threshold: ns; a step of an event loop longer than this is a block.
        max_size: bytes that the spool of one process may take, 0 for no cap.
        hooks: names out of HOOKS and ON_REQUEST.
        flight_ns, flight_bytes: keep only the last part, of such a length or such a size; 0 and 0: all.
        watched: somebody outside of the program makes the dumps that it asks for.
        rate: how often a second the threads are looked at from outside, 0 for never.
        observer: pid of the process that does that, or 0.
        sample_rate: how often a second py-spy samples the stacks of all threads; 0: never. The program waits until it does.
        native: frames of C as well; 0 for no.
        viztracer: what viztracer is asked for, which records all calls then; None: it does not.
    """

    def __init__(
        self,
        threshold: int = 50_000_000,
        max_size: int = 0,
        hooks: tuple[str, ...] = HOOKS,
        flight_ns: int = 0,
        flight_bytes: int = 0,
        watched: int = 0,
        rate: int = 0,
        observer: int = 0,
        sample_rate: int = 0,
        native: int = 0,
        viztracer: str | None = None,
    ) -> None:
        self.threshold = threshold
        self.max_size = max_size
        self.hooks = hooks
        self.flight_ns = flight_ns
        self.flight_bytes = flight_bytes
        self.watched = watched
        self.rate = rate
        self.observer = observer
        self.sample_rate = sample_rate
        self.native = native
        self.viztracer = viztracer

    @classmethod
    def parse(
        cls,
        threshold: str,
        max_size: str | None,
        flight: str | None,
        rate: int = 0,
        *,
        locks: bool = False,
        viztracer: str | None = None,
        sample_rate: int = 0,
        native: bool = False,
    ) -> Options:
        """Options as people write them.

        Raises:
            UsageError: one of them does not read.
        """
        if not 0 <= rate <= MOST_RATE:
            raise UsageError(f"a rate of {rate} is not possible: give a number from 0 (off) to {MOST_RATE}")
        if sample_rate and not LEAST_SAMPLE_RATE <= sample_rate <= MOST_RATE:
            raise UsageError(
                f"py-spy cannot look {sample_rate} times a second: {LEAST_SAMPLE_RATE} to {MOST_RATE} are possible"
            )
        ns, size = parse_flight(flight) if flight is not None else (0, 0)
        cap = parse_size(max_size) if max_size is not None else 0
        if max_size is not None and not cap:
            raise UsageError(f"{max_size!r} leaves no room to record anything: write a size, as 64MB or 1GB")
        if cap and cap < size:
            raise UsageError(f"a flight recorder of {flight} has no room in {max_size}: give only one of the two sizes")
        hooks = HOOKS + ON_REQUEST if locks else HOOKS
        options = cls(parse_duration(threshold), cap, hooks, flight_ns=ns, flight_bytes=size, rate=rate)
        if native and not sample_rate:
            raise UsageError("--native is about what py-spy samples: give --py-spy as well")
        options.sample_rate, options.native = sample_rate, int(native)
        options.viztracer = None if viztracer is None else settled(viztracer)
        return options

    def limits(self) -> Limits:
        """How much of it is kept."""
        return Limits(self.max_size, self.flight_ns, self.flight_bytes)

    def to_text(self) -> str:
        """The options in one environment variable."""
        numbers = ",".join(f"{name}={getattr(self, name)}" for name in _NUMBERS)
        calls = "" if self.viztracer is None else f",viztracer={self.viztracer.encode().hex()}"
        return f"{numbers},hooks={'+'.join(self.hooks)}{calls}"

    @classmethod
    def from_text(cls, text: str) -> Options:
        """What `to_text` wrote; whatever does not read is the default."""
        options = cls()
        for part in text.split(","):
            key, _, value = part.partition("=")
            if key in _NUMBERS and value.isdecimal():
                setattr(options, key, int(value))
            elif key == "hooks":
                options.hooks = tuple(name for name in value.split("+") if name in HOOKS + ON_REQUEST)
            elif key == "viztracer":
                options.viztracer = _from_hex(value)
        return options


_NUMBERS = (
    "threshold",
    "max_size",
    "flight_ns",
    "flight_bytes",
    "watched",
    "rate",
    "observer",
    "sample_rate",
    "native",
)


def _from_hex(text: str) -> str | None:
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return None


def parse_flight(text: str) -> tuple[int, int]:
    """How much a flight recorder keeps: nanoseconds and 0 for "10s", 0 and bytes for "64MB".

    Raises:
        UsageError: it is neither.
    """
    ns = size = 0
    try:
        if text.rstrip().endswith("B"):
            size = parse_size(text)
        else:
            ns = parse_duration(text)
    except UsageError:
        pass
    if not ns and not size:
        shown = text if len(text) <= 40 else text[:40] + "..."
        raise UsageError(f"{shown!r} is neither a duration nor a size: write how much to keep, as 10s or 64MB")
    return ns, size


def environment(directory: str, options: Options, base: Mapping[str, str]) -> dict[str, str]:
    """An environment whose Python processes join the session."""
    path = base.get("PYTHONPATH")
    return {
        **base,
        "PYTHONPATH": BOOTSTRAP + (os.pathsep + path if path else ""),
        SESSION_VARIABLE: directory,
        OPTIONS_VARIABLE: options.to_text(),
    }
