"""The child: `python -m tracekit.compare.child SPEC MODEL SCALE OUT` runs a workload once under one model. Knows no other run.

Nothing heavy is imported here, so that what is measured is the workload and its model.

How it went stands in OUT, as JSON: begun and ended (CLOCK_MONOTONIC, ns), wall_s, cpu_s (of this process in that time, and
of those of its children that have ended), pss_bytes (of this process, at the end; null where that is not told), started_s
(until the first step began), switches and preemptions, events ([time, task, step, "begin" or "end"]), polls ([name, due,
at]), steps (kind and name of each, by task), polls_every (seconds, by name), and results_alike (a digest).
"""

from __future__ import annotations

import os
import resource
import sys

from tracekit.compare import find, models
from tracekit.compare.journal import Journal
from tracekit.compare.plan import Plan, Prepared
from tracekit.errors import TracekitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_USAGE = "python -m tracekit.compare.child SPEC MODEL SCALE OUT"
_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(arguments: list[str]) -> None:
    """Run a workload once; a failure ends the process with code 1 and one line on stderr, whatever still runs in it."""
    try:
        if len(arguments) != 4:
            raise UsageError(f"expected four arguments: {_USAGE}")
        spec, model, scale, out = arguments
        outcome = measured(spec, model, _number(scale))
        _write(outcome, out)
    except TracekitError as error:
        _give_up(str(error))


def measured(spec: str, model: str, scale: float) -> dict[str, Any]:
    """Set a workload up, run it once under a model, clean up; what OUT holds.

    Args:
        spec: as for `find`.
        model: one of `models.MODELS`.
        scale: how much there is to do.

    Raises:
        UsageError: there is no such workload or model, or the workload is not written rightly.
        TracekitError: the model cannot run here, or the workload failed.
    """
    models.prepare(model)
    found = find.find(spec)
    runner = models.get(model)
    with Prepared(found, scale) as plan:
        journal = Journal()
        before = _used()
        journal.begin(model, found.name)
        results = runner.run(plan, journal)
        after = _used()
        weight = _weight()  # before the results are looked at, which takes room of its own
        outcome = _outcome(plan, journal, results) | {"pss_bytes": weight}
    childrens, switches, preemptions = (late - early for late, early in zip(after, before))
    outcome |= {"cpu_s": journal.spent / 1e9 + childrens, "switches": switches, "preemptions": preemptions}
    return {"workload": found.name, "model": model, "scale": scale, **outcome}


def _used() -> tuple[float, int, int]:
    """So far: seconds on a core of the children that have ended; switches and preemptions, of this process as well."""
    usages = [resource.getrusage(who) for who in _WHO]
    return (
        usages[-1].ru_utime + usages[-1].ru_stime,
        sum(usage.ru_nvcsw + usage.ru_nivcsw for usage in usages),
        sum(usage.ru_nivcsw for usage in usages),
    )


def _weight() -> int | None:
    """What this process takes now, for those who look from outside, and too seldom for a short run."""
    try:
        with open("/proc/self/smaps_rollup", "rb") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith(b"Pss:")), None)
    except OSError:
        return None


def _outcome(plan: Plan, journal: Journal, results: dict[str, Any]) -> dict[str, Any]:
    from tracekit.compare.alike import digest

    events = journal.in_order()
    return {
        "begun": journal.begun,
        "ended": journal.ended,
        "wall_s": (journal.ended - journal.begun) / 1e9,
        "started_s": (events[0].time - journal.begun) / 1e9,
        "events": events,
        "polls": journal.polled,
        "steps": {task.name: [[step.kind, step.name] for step in task.steps] for task in plan.tasks},
        "polls_every": {poll.name: poll.every for poll in plan.polls},
        "results_alike": digest(results),
    }


def _number(scale: str) -> float:
    try:
        number = float(scale)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UsageError(f"{scale!r} is no scale: give a number more than 0, such as 0.5")
    return number


def _write(outcome: dict[str, Any], out: str) -> None:
    import json

    try:
        with open(out, "w", encoding="utf-8") as file:
            json.dump(outcome, file)
    except OSError as error:
        raise TracekitError(
            f"cannot write {out}: {error.strerror}; name a file in a directory that may be written to"
        ) from error


def _give_up(line: str) -> NoReturn:
    """End at once, without waiting for threads that may never end; what was registered for the exit is done."""
    import atexit

    try:
        atexit._run_exitfuncs()
    finally:
        sys.stdout.flush()
        sys.stderr.write(f"{' '.join(line.split())}\n")
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
