"""Open spans: which one is the innermost where the program is now, for log lines that name it. Knows no record but its slot.

Nothing is kept before somebody asks for it (`follow`): a trace needs none of this, it goes by the order of the records. Where
the program is, is a task, or a thread outside of tasks. The reference; `tracekit._fast` has its twin in C, which goes by the
context that every task, greenlet and thread has of its own.
"""

from __future__ import annotations

import sys
from _thread import get_ident

_MOST = 1 << 16  # places, and
_MOST_SPANS = 1 << 10  # spans at each: what is entered and never left must not fill the memory

_followed = False
_open: dict[int, list[tuple[int, str]]] = {}


def follow() -> None:
    """Keep account of open spans from now on, in this process."""
    global _followed
    _followed = True


def forget() -> None:
    """Another recording begins, or none: what was open is of no interest any more."""
    _open.clear()


def begun(slot: int, name: str) -> None:
    """A span begins, or goes on, here; its begin stands at `slot`."""
    if _followed:
        if len(_open) > _MOST:
            _open.clear()
        spans = _open.setdefault(_here(), [])
        spans.append((slot, name))
        if len(spans) > _MOST_SPANS:
            del spans[: _MOST_SPANS // 2]


def ended(slot: int) -> None:
    """That span has ended, or is suspended."""
    if not _open:
        return
    here = _here()
    for where in [here, *(other for other in list(_open) if other != here)]:
        spans = _open.get(where, [])
        for at in range(len(spans) - 1, -1, -1):
            if spans[at][0] == slot:
                del spans[at]
                if not spans:
                    _open.pop(where, None)
                return


def innermost() -> str | None:
    """The name of the innermost span that is open here; None where none is."""
    spans = _open.get(_here())
    return spans[-1][1] if spans else None


def _here() -> int:
    asyncio = sys.modules.get("_asyncio")
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = sys.modules["asyncio.tasks"].current_task()
        if task is not None:
            return id(task)
    return -get_ident()
