"""Complaints: what Python and asyncio complained of while the program ran, as instants tell it. Knows no finding's words.

Python says them on stderr or in a log, where they drown; hooks/complaints.py records them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from tracekit.analyze.place import Place
from tracekit.model.trace import Args, Trace


class Complaint(NamedTuple):
    """One of them: when (ns), on which track, about which code, and all that was said of it."""

    time: int
    track: int
    coroutine: Place
    args: Args


def complaints(trace: Trace, *names: str) -> list[list[Complaint]]:
    """Those of the given names: in groups of one coroutine each, in the order of time."""
    wanted = [index for index, text in enumerate(trace.strings) if text in names]
    instants = trace.instants
    rows = np.flatnonzero(np.isin(instants.name, wanted) & (instants.args >= 0))
    rows = rows[np.argsort(instants.time[rows], kind="stable")]
    groups: defaultdict[object, list[Complaint]] = defaultdict(list)
    for row in rows.tolist():
        args = trace.args[int(instants.args[row])]
        if "coroutine" in args:  # else it is an instant of the program's own
            place = Place.of(args, "coroutine", "file", "line")
            found = Complaint(int(instants.time[row]), int(instants.track[row]), place, args)
            groups[place, args.get("error"), Place.of(args, "dropped_in", "dropped_file", "dropped_line")].append(found)
    return list(groups.values())
