"""gevent: one greenlet a task on a hub; the patched standard library waits without blocking. Knows no other model.

What computes blocks the hub, and so does what waits in C.
"""

from __future__ import annotations

from importlib import import_module

from tracekit.compare import perform
from tracekit.compare.plan import Agenda
from tracekit.compare.polls import Polls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tracekit.compare.journal import Journal
    from tracekit.compare.plan import Plan
    from tracekit.compare.polls import Recurring
    from tracekit.workload import Task


def missing() -> str:
    """Why it cannot run here, or ""."""
    from importlib.util import find_spec

    return "" if find_spec("gevent") else "gevent is not installed; pip install gevent"


def prepare() -> None:
    """Patch the standard library, before the workload imports it."""
    import_module("gevent.monkey").patch_all()


def run(plan: Plan, journal: Journal) -> dict[str, Any]:
    """Run a plan; see the package."""
    gevent = import_module("gevent")
    agenda = Agenda(plan)
    polls = Polls(plan, journal)
    over = import_module("gevent.event").Event()
    failures: list[BaseException] = []

    def guarded(work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:
            failures.append(error)
            over.set()

    def work(task: Task) -> None:
        arguments = agenda.arguments(task)
        for number in range(len(task.steps)):
            arguments = perform.step(task, number, arguments, journal)
        for later in agenda.done(task, perform.result_of(arguments)):
            spawn(later)
        if agenda.is_over:
            over.set()

    def spawn(task: Task) -> None:
        greenlet = gevent.spawn(guarded, work, task)
        greenlet.name = task.name
        greenlets.append(greenlet)

    def recur(recurring: Recurring) -> None:
        while True:
            recurring.turn()
            gevent.sleep(recurring.left)

    greenlets: list[Any] = []
    for task in agenda.first():
        spawn(task)
    greenlets += [gevent.spawn(guarded, recur, one) for one in polls.all]
    over.wait()
    if not failures:
        polls.look()
        journal.finish()
    gevent.killall(greenlets, block=not failures)
    if failures:
        raise failures[0]
    return agenda.in_order()
