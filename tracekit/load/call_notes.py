"""What must be known of calls before believing them, in sentences. Knows files, clocks and threads, and draws nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from tracekit.load.call_files import CallFile
from tracekit.load.calls_clock import CallsClock
from tracekit.load.image import Image
from tracekit.spool.core import PACKAGE
from tracekit.units import say_duration

IN_PACKAGE = f"({PACKAGE}"  # in the name of a function of tracekit's own in Python
_END = ("stop (", "Viztracer.stop (")  # such a one, which ends it
_SINCE_ALL_THREADS = 0x030C0000  # sys.hexversion from which viztracer sees threads that were there before
_WELL_ENOUGH = 1000  # ns


def about(image: Image, files: Sequence[CallFile], clock: CallsClock, seen: Collection[int]) -> Iterator[str]:
    """The sentences about the calls of an image.

    Args:
        files, clock: of its calls.
        seen: the indices of the threads that have any.
    """
    yield from _missing(image, files, clock)
    damaged = sum(file.damaged for file in files)
    if damaged:
        yield f"calls of viztracer's that do not read, left out: {damaged}"
    lost = [int(clock.ns(file.end[:1])[0]) for file in files if file.overflow and len(file.end)]
    if lost:
        since = say_duration(max(0, max(lost) - image.builder.processes[image.process].started))
        yield (
            f"more calls than viztracer keeps: those that returned in the first {since} are missing; it keeps more with "
            "--viztracer=tracer_entries=NUMBER, or needs fewer with max_stack_depth, min_duration, ignore_c_function"
        )
    if clock.error > _WELL_ENOUGH and files:
        error = clock.error / 1000
        yield f"the clocks of the recording and of viztracer could be compared no better than to {error:.1f} µs"
    if files:
        yield from _unseen(image, clock, seen)


def _missing(image: Image, files: Sequence[CallFile], clock: CallsClock) -> Iterator[str]:
    if not files and image.alive:
        yield "its calls are not here yet: viztracer writes them when the process ends"
    elif len(files) < clock.written or not files:
        yield "viztracer's calls are missing: it was killed before they were written, or there was no room for them"
    if any(not file.whole for file in files):
        yield "viztracer's calls were not written to their end (killed, or no room on the disk): some are missing"
    elif files and not clock.in_part and not any(_has_end(file) for file in files):
        yield (
            "viztracer stopped by itself, as it does where greenlets are switched or another profiler is used: later calls "
            "are missing"
        )


def _has_end(file: CallFile) -> bool:
    """Whether the call that ended it is in it, which cannot have returned."""
    ends = np.array([name.startswith(_END) and IN_PACKAGE in name for name in file.names], np.bool_)
    return bool((ends[file.name] & (file.end < 0)).any()) if len(ends) else False


def _unseen(image: Image, clock: CallsClock, seen: Collection[int]) -> Iterator[str]:
    """Threads that were there before viztracer began, which it does not see in older Pythons."""
    if image.header.python >= _SINCE_ALL_THREADS:
        return
    threads = [(log, image.builder.threads[log.thread]) for log in image.logs if log.tid != image.header.pid]
    before = [log for log, thread in threads if thread.begun_before or thread.started < clock.first]
    unseen = sum(log.end >= clock.first and log.index not in seen for log in before)
    if unseen:
        yield (
            "threads that had begun before viztracer did, of which it sees no calls (since Python 3.12 it does): "
            f"{unseen}"
        )
