"""Worker: the same probes on the other core, in a process of its own, timed when its parent says so. Knows no rival.

A core is chosen when tracekit is imported, so one process cannot have both. The parent asks for one case at a time, so that
the cases of both processes lie interleaved in the same rounds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from rounds import Case


class Worker:
    """The other process, as its parent sees it; a context manager.

    Args:
        core: "c" or "py".
    """

    def __init__(self, core: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            env={**os.environ, "TRACEKIT_CORE": core},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._prefix = f"{core} core, "
        self._keys: list[str] = json.loads(self._answer())

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.__exit__(kind, error, traceback)  # closes its stdin, which ends it

    def cases(self) -> list[Case]:
        """The probes' cases, their keys beginning with the name of the core."""
        return [Case(self._prefix + key, lambda turns, key=key: self._time(key, turns)) for key in self._keys]

    def _time(self, key: str, turns: int) -> float:
        assert self._process.stdin is not None
        print(json.dumps([key, turns]), file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the process that measures the other core has ended")
        return line


def main() -> None:
    """Answer each line [key, turns] on stdin with ns for one turn."""
    import floor
    import probes

    cases = {case.key: case for case in probes.cases(floor.load())}
    print(json.dumps(list(cases)), flush=True)
    for line in sys.stdin:
        key, turns = json.loads(line)
        print(cases[key].time(turns), flush=True)


if __name__ == "__main__":
    main()
