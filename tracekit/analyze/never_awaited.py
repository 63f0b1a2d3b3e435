"""never-awaited: a coroutine was made, and thrown away without having run. Knows no other question.

Python's own warning comes when the coroutine is thrown away, and is shown once a line. Its own keys:

    coroutine       what was called
    count           how often
    dropped         the place where it was thrown away: function, file, line
"""

from __future__ import annotations

from tracekit.analyze import words
from tracekit.analyze.complaints import Complaint, complaints
from tracekit.analyze.finding import Finding
from tracekit.analyze.place import Place, library_of, users
from tracekit.model.trace import Trace

SLUG = "never-awaited"

_SAID = "coroutine was never awaited"


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for each coroutine and each place where it was dropped."""
    return [_finding(trace, alike) for alike in complaints(trace, _SAID)]


def _finding(trace: Trace, alike: list[Complaint]) -> Finding:
    first = alike[0]
    dropped = Place.of(first.args, "dropped_in", "dropped_file", "dropped_line")
    times = f", {len(alike)} times" if len(alike) > 1 else ""
    where = f": thrown away in {dropped}" if dropped.file else ""
    called = words.short_function(first.coroutine.function)
    blamed = users(dropped, first.coroutine)
    return Finding(
        slug=SLUG,
        severity="warning",
        start_s=first.time / 1e9,
        duration_s=0.0,
        track=trace.tracks[first.track].name,
        sentence=f"The coroutine {called} was called and never awaited, so it never ran{times}{where}.",
        advice=f"Calling a coroutine function runs nothing of it: `await {called}(...)`, or give it to a task.",
        **blamed._asdict(),
        library=library_of(dropped, first.coroutine),
        details={"coroutine": first.coroutine.function, "count": len(alike), "dropped": dropped._asdict()},
    )
