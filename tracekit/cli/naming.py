"""Naming: where a trace goes if nobody says. Knows the clock and the folder of traces, and no session."""

from __future__ import annotations

import os
import time

from tracekit.spool.directory import SUFFIX


def default_output(name: str) -> str:
    """traces/NAME-TIMESTAMP.json.gz, or with a number behind it where there is such a trace or session already."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    stem = f"traces/{name}-{stamp}"
    for number in range(2, 1000):
        if not os.path.exists(f"{stem}.json.gz") and not os.path.exists(stem + SUFFIX):
            break
        stem = f"traces/{name}-{stamp}-{number}"
    return f"{stem}.json.gz"
