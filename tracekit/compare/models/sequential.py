"""Sequential: one task after another on one thread, what everything else is measured against. Knows no other model."""

from __future__ import annotations

from tracekit.compare import passed, perform
from tracekit.compare.plan import Agenda
from tracekit.compare.polls import Polls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.plan import Plan


def missing() -> str:
    """It runs everywhere."""
    return ""


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; polls get their turns between two steps, late by what they had to wait. See the package."""
    agenda = Agenda(plan)
    polls = Polls(plan, journal)
    for task in plan.ordered:
        arguments = agenda.arguments(task)
        for number in range(len(task.steps)):
            polls.look()
            passed.note(task.name, number, arguments)
            arguments = perform.step(task, number, arguments, journal)
        passed.note(task.name, len(task.steps), arguments)
        agenda.done(task, perform.result_of(arguments))
    polls.look()
    journal.finish()
    return agenda.in_order()
