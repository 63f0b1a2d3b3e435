"""Look: `python -m tracekit.compare.look SPEC OUT` sees whether there is such a workload. Knows no model, and runs nothing.

It is a process of its own, so that a module which hangs, crashes or ends the program when it is imported does it here. In OUT
stands, as JSON, the workload's name and doc, or else a complaint, and whether the mistake is in how the workload was named.
"""

from __future__ import annotations

import json
import sys

from tracekit.compare.find import find
from tracekit.errors import TracekitError, UsageError


def main(spec: str, out: str) -> None:
    """Look for a workload, and write down what was found."""
    told: dict[str, object]
    try:
        found = find(spec)
        told = {"name": found.name, "doc": found.doc}
    except TracekitError as error:
        told = {"complaint": str(error), "is_usage": isinstance(error, UsageError)}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
