"""Subject: the workload that is to be compared, as a process of its own finds it. Neither imports nor runs its code."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tracekit.errors import TracekitError, UsageError
from tracekit.rounds import child


@dataclass(frozen=True)
class Subject:
    """A workload that is there.

    Attributes:
        name: short, for tables.
        doc: the first line of what it says of itself, or "".
    """

    name: str
    doc: str


def look(spec: str, timeout_s: float, directory: str) -> Subject:
    """See whether a workload can be run.

    Args:
        spec: names it, as `compare.find.find` takes it.
        timeout_s: an import that takes longer is ended.
        directory: where may be written.

    Raises:
        UsageError: there is no such workload.
        TracekitError: its module cannot be imported.
    """
    out = Path(directory, "look.json")
    try:
        child.run([sys.executable, "-m", "tracekit.compare.look", spec, str(out)], timeout_s, weighs=False)
    except child.Failed as error:
        raise TracekitError(f"workload {spec} cannot be imported: {error}") from None
    if not out.exists():
        raise TracekitError(f"workload {spec} ends the program when it is imported; put what it runs into functions")
    told = json.loads(out.read_text("utf-8"))
    if "complaint" in told:
        raise (UsageError if told["is_usage"] else TracekitError)(told["complaint"])
    return Subject(told["name"], told["doc"])
