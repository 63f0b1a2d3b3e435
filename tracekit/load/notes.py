"""Notes: what the user must know of a recording before believing it, in sentences. Knows headers and counts only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tracekit import events
from tracekit.load.image import Image
from tracekit.model.columns import of_kinds
from tracekit.model.status import say_status
from tracekit.spool import layout
from tracekit.units import say_duration

_SHOWN = 5

_ENDS = {
    layout.ENDED_NO_SPACE: (
        "stopped recording because the disk or a quota was full, or a limit on the size of files or on memory was "
        "reached; what came later is missing"
    ),
    layout.ENDED_MAX_SIZE: "stopped recording at the session's largest size (--max-size); what came later is missing",
    layout.ENDED_ERROR: "stopped recording because tracekit failed in it; what came later is missing",
}


def about(images: list[Image]) -> Iterator[str]:
    """The sentences about a session's images."""
    yield from _about_silent(images)
    for ended, words in _ENDS.items():
        whom = [image for image in images if image.header.ended == ended and not (image.goes_on or image.alive)]
        if whom:
            yield f"{_names(whom)} {words}"
    running = [image for image in images if image.alive]
    if running:
        verb = "was" if len(running) == 1 else "were"
        yield f"{_names(running)} {verb} still running when this was read; what had been recorded until then is here"
    yield from _about_forks(images)
    for image in images:
        yield from _about_one(image)


def _about_silent(images: list[Image]) -> Iterator[str]:
    """Those that did not say that they end, with the reason as far as somebody saw it."""
    became: list[Image] = []
    others: dict[str, list[Image]] = {}
    for image in images:
        if image.header.ended != layout.ENDED_NOT or image.goes_on or image.alive:
            continue
        status = image.builder.processes[image.process].status
        if image.builder.processes[image.process].dismissed:
            continue
        if image.became:
            became.append(image)
        elif status is None:
            others.setdefault("killed, os._exit, or still running", []).append(image)
        else:
            others.setdefault(say_status(status) + (", as by os._exit" if status >= 0 else ""), []).append(image)
    if became:
        yield f"{_names(became)} became what was not traced (exec); everything recorded until then is here"
    for why, whom in others.items():
        yield f"{_names(whom)} ended without a last word ({why}); everything recorded until then is here"


def about_window(begun: int, since: int, until: int) -> Iterator[str]:
    """The sentence about the window of a flight recorder.

    Args:
        begun, since, until: when the recording began, from when on it is here, and where it ends, in ns.
    """
    if since:
        kept, whole = say_duration(until - since), say_duration(until - begun)
        yield f"this is the last {kept} of {whole}: a flight recorder lets go of what was before"


def _about_forks(images: list[Image]) -> Iterator[str]:
    """Forks of which nothing was recorded: there was no room, or it was killed at once."""
    pids = {image.header.pid for image in images}
    # Whoever outlived its parent at once has another one.
    made = {(image.header.ppid if image.header.ppid in pids else 0, image.header.fork) for image in images}
    for image in images:
        if image.header.let_go or image.alive:  # those of the past are removed, and those of now not there yet
            continue
        serials = [serial for log in image.logs for serial in log.b[log.kind == events.PROCESS_FORK].tolist()]
        missing = sum((image.header.pid, serial) not in made and (0, serial) not in made for serial in serials)
        if missing:
            yield f"{_names([image])}: forks of which no recording was found: {missing}"


def _about_one(image: Image) -> Iterator[str]:
    who = _names([image])
    if image.header.dropped:
        yield f"{who}: records that found no room and are missing: at most {image.header.dropped}"
    if image.header.dumps:
        times = "once" if image.header.dumps == 1 else f"{image.header.dumps} times"
        reason = f", the last time because: {image.name(image.header.dump_reason)}" if image.header.dump_reason else ""
        yield f"{who} asked for its recording to be written out {times}{reason}"
    if image.header.carry_lost:
        yield (
            f"{who}: things that had begun before this trace does and found no room to be remembered: "
            f"{image.header.carry_lost}; they are missing, or begin with the trace"
        )
    for what, number in image.dropped.items():
        yield f"{who}: ends of a {what} whose beginning was not recorded, left out: {number}"
    if image.parts_left_out:
        yield f"{who} has more parts of spans in steps than can be shown: some lie on their tasks' tracks only"
    if image.undrawn_tasks:
        yield (
            f"{who}: so many tasks that not all are drawn: of {image.undrawn_tasks}, which came later and neither failed nor "
            "waited or ran long in one go, only the steps are, on their loop's thread, without arrows and what they "
            "awaited; the sums of their times are in the report"
        )
    if image.missing_names:
        yield f"{who}: names that are missing, shown as (name missing): {image.missing_names}"
    unknown = sum(int((~of_kinds(log.kind, events.BY_KIND)).sum()) for log in image.logs)
    if unknown:
        yield f"{who}: records of no kind that this version knows, left out: {unknown}"
    for log in image.logs:
        for at in np.flatnonzero(log.kind == events.NOTE).tolist():
            yield f"{who}: {image.name(int(log.a[at]))}"


def _names(images: list[Image]) -> str:
    rows = [image.builder.processes[image.process] for image in images]
    words = [f"{row.pid} ({row.name})" for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        words.append(f"{len(rows) - _SHOWN} more")
    return f"process {words[0]}" if len(rows) == 1 else f"{len(rows)} processes ({', '.join(words)})"
