"""The samples of a trace for speedscope, a page of flame graphs: a profile for each thread. Knows stacks, and no slice.

A sample stands for the time up to the next one; where that is long against the usual, nobody looked meanwhile, and a gap is left.
Of an idle thread the innermost frame says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export._plain import encoded
from tracekit.export._replacing import write_pieces
from tracekit.model.columns import groups, numbers
from tracekit.model.stacks import rows_of
from tracekit.model.trace import Int64, SampleState, Trace

_SCHEMA = b'{"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"tracekit"'
_GAP = 4  # times as long as usual
_IDLE = "(idle)"
_AT_A_TIME = 1 << 12
_USUAL_NS = 10_000_000  # for a thread that was sampled once


def write(trace: Trace, findings: Sequence[Finding], out: Path) -> None:  # noqa: ARG001
    """Writes the samples of a trace; `out` appears in one piece or not at all.

    Args:
        findings: nothing is said of them.
        out: a file of that name is replaced; one that ends in `.gz` is compressed.

    Raises:
        TracekitError: there are no samples, or the file cannot be written.
    """
    if not (trace.samples.frame >= 0).any():
        raise TracekitError(
            f"{out} is not written: speedscope shows samples of stacks, and this trace has none. Record it with --py-spy."
        )
    write_pieces(out, _document(trace))


def _document(trace: Trace) -> Iterator[bytes]:
    frames, strings = trace.frames, trace.strings
    first, places = groups(frames.function, frames.file, frames.line)
    yield _SCHEMA + b',"name":%b,"shared":{"frames":[' % encoded(trace.program)
    yield encoded({"name": _IDLE})
    rows = numbers(frames.function[first], frames.file[first], frames.line[first])
    for function, file, line in rows:
        yield b",\n" + encoded(_frame(strings[function], strings[file], line))
    yield b']},"profiles":['
    between = b"\n"
    for thread in np.flatnonzero(np.bincount(trace.samples.thread, minlength=1)).tolist():
        yield between
        yield from _profile(trace, thread, places + 1)
        between = b",\n"
    yield b"\n]}\n"


def _frame(function: str, file: str, line: int) -> dict[str, Any]:
    frame: dict[str, Any] = {"name": function or "?"}
    if file:
        frame["file"] = file
    if line > 0:
        frame["line"] = line
    return frame


def _profile(trace: Trace, thread: int, places: Int64) -> Iterator[bytes]:
    """What was sampled of one thread.

    Args:
        places: for each row of the frames the frame of the file.
    """
    samples = trace.samples
    begin, end = (int(at) for at in np.searchsorted(samples.thread, [thread, thread + 1]))
    time = samples.time[begin:end]
    stacks, weights = _with_gaps(trace, begin, time)
    row = trace.threads[thread]
    process = trace.processes[row.process]
    name = f"{row.name} (tid {row.tid}, {process.name} {process.pid})"
    last = int(time[0]) + sum(weights)
    yield b'{"type":"sampled","name":%b,"unit":"nanoseconds",' % encoded(name)
    yield b'"startValue":%d,"endValue":%d,"samples":[' % (int(time[0]), last)
    known: dict[tuple[int, bool], bytes] = {}
    for at in range(0, len(stacks), _AT_A_TIME):
        texts = [_stack(trace, one, places, known) for one in stacks[at : at + _AT_A_TIME]]
        yield (b"," if at else b"") + b",".join(texts)
    yield b'],"weights":' + encoded(weights) + b"}"


def _with_gaps(trace: Trace, begin: int, time: Int64) -> tuple[list[tuple[int, bool]], list[int]]:
    """The frames of a thread's samples and whether it was idle, with a frame of -1 for each gap; and how long each stands for."""
    own = slice(begin, begin + len(time))
    lengths = np.diff(time)
    usual = int(np.median(lengths)) if len(lengths) else _USUAL_NS
    lengths = np.append(lengths, usual)
    idle = trace.samples.state[own] == SampleState.IDLE
    stacks: list[tuple[int, bool]] = []
    weights: list[int] = []
    for frame, is_idle, length in numbers(trace.samples.frame[own], idle, lengths):
        is_gap = length > _GAP * usual > 0
        stacks.append((frame, is_idle and frame >= 0))
        weights.append(usual if is_gap else length)
        if is_gap:
            stacks.append((-1, False))
            weights.append(length - usual)
    return stacks, weights


def _stack(trace: Trace, key: tuple[int, bool], places: Int64, known: dict[tuple[int, bool], bytes]) -> bytes:
    """The text of a stack, the outermost frame first."""
    if key not in known:
        frame, is_idle = key
        rows = [int(places[row]) for row in reversed(rows_of(trace, frame))]
        known[key] = encoded(rows + [0] * is_idle)
    return known[key]
