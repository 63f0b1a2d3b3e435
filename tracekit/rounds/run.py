"""Run: what one run of a model told of itself. Knows the keys that it is told by, and not how it was run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tracekit.rounds.child import Look

Event = tuple[int, str, int, str]  # ns, task, step, "begin" or "end"
Polled = tuple[str, int, int]  # name, due ns, looked at ns


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        wall_s, cpu_s: of the run, set-up and clean-up left out.
        started_s: from its begin to the begin of the first step.
        begun: CLOCK_MONOTONIC, ns, as all times of events.
        switches: of context, of all threads; `preemptions`, those of them that were not of their own accord.
        events: begins and ends of steps, in the order of time.
        polls: turns of polls, in the order of time.
        results: a digest of what the tasks returned.
        steps: kind and name of each step, by task.
        polls_every: seconds, by poll.
        peak_pss_bytes: the most memory that was seen; None where it was not.
    """

    wall_s: float
    cpu_s: float
    started_s: float
    begun: int
    switches: int
    preemptions: int
    events: list[Event] = field(default_factory=list)
    polls: list[Polled] = field(default_factory=list)
    results: str = ""
    steps: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    polls_every: dict[str, float] = field(default_factory=dict)
    peak_pss_bytes: int | None = None

    @property
    def lateness_s(self) -> list[float]:
        """How late each turn of a poll was."""
        return [max(0.0, (at - due) / 1e9) for _, due, at in self.polls]


def read(text: bytes, looks: Sequence[Look]) -> Run:
    """The run that a child has written down.

    Args:
        text: what it wrote.
        looks: what it weighed from outside. Those count that were made while it ran, and what it knows of itself at the end.

    Raises:
        ValueError: it is not what a child writes.
    """
    try:
        return _run(json.loads(text), looks)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _run(told: dict[str, Any], looks: Sequence[Look]) -> Run:
    weights = [look.pss for look in looks if told["begun"] <= look.time <= told["ended"]]
    return Run(
        wall_s=float(told["wall_s"]),
        cpu_s=float(told["cpu_s"]),
        started_s=float(told["started_s"]),
        begun=int(told["begun"]),
        switches=int(told["switches"]),
        preemptions=int(told["preemptions"]),
        events=sorted((int(time), str(task), int(step), str(what)) for time, task, step, what in told["events"]),
        polls=sorted(((str(name), int(due), int(at)) for name, due, at in told["polls"]), key=lambda turn: turn[2]),
        results=str(told["results_alike"]),
        steps={task: [(str(kind), str(name)) for kind, name in of] for task, of in told.get("steps", {}).items()},
        polls_every={str(name): float(every) for name, every in told.get("polls_every", {}).items()},
        peak_pss_bytes=max([*weights, int(told.get("pss_bytes") or 0)]) or None,
    )
