"""Call stacks: the samples of a trace as Perfetto's own samples of a profiler. Knows frames and packets, and no event.

Of an idle thread the innermost frame says so, as Perfetto has no other place for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracekit.export._descriptors import Descriptors
from tracekit.export._packets import SEQUENCE as _SEQUENCE
from tracekit.export._packets import interned, packet, stamped
from tracekit.export._protobuf import data, number, text
from tracekit.model.columns import groups, numbers
from tracekit.model.stacks import rows_of
from tracekit.model.trace import SampleState, Trace

SEQUENCE = 2

_DEFAULTS, _SYMBOLS, _SAMPLE = 59, 61, 66  # of TracePacket
_OF_SAMPLES, _TIMEBASE, _TITLE = 12, 1, 10  # of the defaults, and of what is in them
# Fields of InternedData.
_FUNCTIONS, _FRAMES, _STACKS, _BUILDS, _PATHS, _SOURCES, _MAPPINGS = 5, 6, 7, 16, 17, 18, 19
# Fields of what is in it; all have their number first, and texts are second.
_IID, _TEXT = 1, 2
_FUNCTION, _MAPPING, _PLACE, _SOURCE, _LINE = 2, 3, 4, 5, 6  # of Frame
_FRAME = 2  # of Callstack
_BUILD, _PATH = 2, 7  # of Mapping
_FILE, _FILE_BUILD, _ADDRESSES = 1, 2, 3  # of ModuleSymbols
_ADDRESS, _LINES = 1, 2  # of its addresses
_LINE_FUNCTION, _LINE_FILE, _LINE_NUMBER = 1, 2, 3  # of their lines
_CPU, _PID, _TID, _STACK, _COUNT = 1, 2, 3, 4, 6  # of PerfSample

_IDLE = "(idle)"
_AT_A_TIME = 1 << 12  # packets of one piece


def packets(trace: Trace, descriptors: Descriptors) -> Iterator[bytes]:
    """The packets of all samples, many a piece."""
    samples = trace.samples
    told = np.flatnonzero(samples.frame >= 0)
    if not len(told):
        return
    idle = samples.state == SampleState.IDLE
    stacks, which = groups(samples.frame[told], idle[told])
    places = _Places(trace)
    yield from places.frames()
    yield from _stacks(trace, places, [(int(samples.frame[at]), bool(idle[at])) for at in told[stacks].tolist()])
    pieces = []
    for time, thread, stack in numbers(samples.time[told], samples.thread[told], which + 1):
        pid, tid = descriptors.pids[trace.threads[thread].process], descriptors.tids[thread]
        fields = number(_CPU, 0) + number(_PID, pid) + number(_TID, tid) + number(_STACK, stack) + number(_COUNT, 1)
        pieces.append(stamped(SEQUENCE, time, data(_SAMPLE, fields)))
        if len(pieces) >= _AT_A_TIME:
            yield b"".join(pieces)
            pieces.clear()
    yield b"".join(pieces)
    yield from places.lines(int(samples.time.max()))


def _stacks(trace: Trace, places: _Places, stacks: list[tuple[int, bool]]) -> Iterator[bytes]:
    """Stacks, which are numbered from 1 on in the order given.

    Args:
        stacks: the innermost frame of each, and whether the thread was idle.
    """
    for begin in range(0, len(stacks), _AT_A_TIME):
        fields = []
        for at, (frame, is_idle) in enumerate(stacks[begin : begin + _AT_A_TIME], begin + 1):
            outermost_first = [places.of_frame[row] for row in reversed(rows_of(trace, frame))] + [
                places.idle
            ] * is_idle
            places.used.update(outermost_first)
            fields.append(data(_STACKS, number(_IID, at) + b"".join(number(_FRAME, row) for row in outermost_first)))
        yield interned(SEQUENCE, b"".join(fields))


class _Places:
    """The places in code where samples were taken. Perfetto wants to know each as an address in a file, and its line as a symbol.

    Attributes:
        of_frame: for each row of the trace's frames the number of its place.
        idle: the number of the one that stands for waiting.
        used: those that were in a stack; of others Perfetto must not hear a line.
    """

    def __init__(self, trace: Trace) -> None:
        frames, strings = trace.frames, trace.strings
        first, which = groups(frames.function, frames.file, frames.line)
        self.of_frame = (which + 1).tolist()
        self.idle = len(first) + 1
        self.used: set[int] = set()
        columns = (frames.function[first], frames.file[first], frames.line[first])
        self._places = [(strings[function], strings[file], line) for function, file, line in numbers(*columns)]
        self._places.append((_IDLE, "", 0))
        self._files = {file: at for at, file in enumerate(dict.fromkeys(file for _, file, _ in self._places), 1)}

    def frames(self) -> Iterator[bytes]:
        """The packets that say them, the first ones of their sequence."""
        defaults = data(_OF_SAMPLES, data(_TIMEBASE, text(_TITLE, "samples")))
        files = b"".join(_file(iid, file) for file, iid in self._files.items())
        yield interned(SEQUENCE, files, first=True) + packet(number(_SEQUENCE, SEQUENCE), data(_DEFAULTS, defaults))
        for begin in range(0, len(self._places), _AT_A_TIME):
            part = enumerate(self._places[begin : begin + _AT_A_TIME], begin + 1)
            yield interned(SEQUENCE, b"".join(self._frame(iid, *place) for iid, place in part))

    def _frame(self, iid: int, function: str, file: str, line: int) -> bytes:
        own = self._files[file]
        fields = number(_IID, iid) + number(_FUNCTION, iid) + number(_MAPPING, own) + number(_PLACE, iid)
        if file:
            fields += number(_SOURCE, own)
        if line > 0:
            fields += number(_LINE, line)
        return data(_FUNCTIONS, number(_IID, iid) + text(_TEXT, function)) + data(_FRAMES, fields)

    def lines(self, time: int) -> Iterator[bytes]:
        """The packets that say their files and lines to those versions that do not take them from the frames.

        Args:
            time: when no sample comes any more: only then all frames are known.
        """
        said: dict[str, list[bytes]] = {}
        for iid, (function, file, line) in enumerate(self._places, 1):
            if iid in self.used and file and line > 0:
                fields = text(_LINE_FUNCTION, function) + text(_LINE_FILE, file) + number(_LINE_NUMBER, line)
                said.setdefault(file, []).append(data(_ADDRESSES, number(_ADDRESS, iid) + data(_LINES, fields)))
        for file, lines in said.items():
            fields = text(_FILE, _path(file)) + data(_FILE_BUILD, _build(self._files[file])) + b"".join(lines)
            yield stamped(SEQUENCE, time, data(_SYMBOLS, fields))


def _file(iid: int, file: str) -> bytes:
    """A file that code came from; Perfetto has no frame without one."""
    path, build = number(_IID, iid) + text(_TEXT, _path(file)), number(_IID, iid) + data(_TEXT, _build(iid))
    mapping = number(_IID, iid) + number(_BUILD, iid) + number(_PATH, iid)
    source = number(_IID, iid) + text(_TEXT, file)
    return data(_PATHS, path) + data(_BUILDS, build) + data(_SOURCES, source) + data(_MAPPINGS, mapping)


def _path(file: str) -> str:
    """As Perfetto spells it: the parts of a path have a slash before them."""
    return file if file.startswith("/") else f"/{file}"


def _build(iid: int) -> bytes:
    """What tells files apart that have one name."""
    return iid.to_bytes(8, "big")
