"""Roles: what a flight recorder does with a record of each kind when it lets go of it. Knows of events only events.py's table.

ring.py acts on it; here nothing is done.
"""

from __future__ import annotations

from tracekit import events

(
    LET_GO,
    BEGIN_SPAN,
    END_SPAN,
    ENTER,
    LEAVE,
    READY,
    BEGIN,
    END,
    SAID,
    RENAME,
    EVER,
    LATEST,
    WHILE_IT_LASTS,
) = range(13)
ROLES = [LET_GO] * 256
# What begins across threads is known by its kind above 32 bits of slot or serial; spans by their slot alone.
GROUP = 32
_GROUPS = {kind: 0 if kind == events.SPAN_BEGIN else kind << GROUP for kind in events.ACROSS_THREADS}
KEYS = [0] * 256  # group of a begin, an end, or what is said of it
BEGUN_BY = [0] * 256  # what runs on a thread: end -> begin
REPLACES = {kind: row for row in events.LATEST_OF for kind in row}


def _fill_in() -> None:
    for begin, end in events.ACROSS_THREADS.items():
        span = begin == events.SPAN_BEGIN
        ROLES[begin], ROLES[end] = (BEGIN_SPAN, END_SPAN) if span else (BEGIN, END)
        KEYS[begin] = KEYS[end] = _GROUPS[begin]
    for kind, begin in events.ENDS_ELSEWHERE.items():
        ROLES[kind], KEYS[kind] = END, _GROUPS[begin]
    for kind, begin in events.ABOUT.items():
        ROLES[kind], KEYS[kind] = SAID, _GROUPS[begin]
    for event in events.TABLE:
        if event.ends in events.ON_THREAD:
            BEGUN_BY[event.kind] = event.ends
            if ROLES[event.kind] == LET_GO:  # JOB_END is both: END does both
                ROLES[event.kind] = LEAVE
    for kind in events.ON_THREAD:
        ROLES[kind] = ENTER
    ROLES[events.THREAD_NAME] = RENAME
    ROLES[events.TASK_READY] = READY
    for kind in events.FOR_EVER:
        ROLES[kind] = EVER
    for kind in events.LATEST_OF_ALL:
        ROLES[kind] = LATEST
    for kind in events.FOR_A_WHILE:
        ROLES[kind] = WHILE_IT_LASTS


_fill_in()
WANTED = bytes(role != LET_GO for role in ROLES)
