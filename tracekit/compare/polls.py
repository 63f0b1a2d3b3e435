"""Polls: what recurs beside the tasks: when each turn is due, and how late it comes. Knows no model."""

from __future__ import annotations

from tracekit.clock import monotonic_ns
from tracekit.compare.failure import told
from tracekit.compare.journal import Polled
from tracekit.errors import TracekitError
from tracekit.record.probes import span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.compare.journal import Journal
    from tracekit.compare.plan import Plan
    from tracekit.workload import Poll


class Recurring:
    """One poll: due at once, and again some time after each turn."""

    def __init__(self, poll: Poll, journal: Journal) -> None:
        self.poll = poll
        self.due = journal.begun
        self._journal = journal
        self._every_ns = round(poll.every * 1e9)

    @property
    def left(self) -> float:
        """Seconds until it is due; 0 where it is late."""
        return max(0, self.due - monotonic_ns()) / 1e9

    def turn(self) -> None:
        """Take the turn that is due.

        Raises:
            TracekitError: what it calls failed.
        """
        if self._journal.ended:
            return  # on its way out
        now = monotonic_ns()
        late = now - self.due
        with span(self.poll.name, tracekit_kind="poll", tracekit_every_ns=self._every_ns, tracekit_late_ns=late):
            self._journal.polled.append(Polled(self.poll.name, self.due, now))
            try:
                if self.poll.function is not None:
                    self.poll.function()
            except (Exception, SystemExit) as error:
                raise TracekitError(f"poll {self.poll.name!r} failed: {told(error)}") from error
        self.due = monotonic_ns() + self._every_ns


class Polls:
    """All polls of a plan, for one thread that looks at them.

    Args:
        plan: whose polls.
        journal: of a run that has begun.
    """

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self.all = [Recurring(poll, journal) for poll in plan.polls]

    def look(self) -> float | None:
        """Give each poll that is due its turn; the seconds until the next is due, or None where there are no polls."""
        for recurring in sorted(self.all, key=lambda one: one.due):
            if not recurring.left:
                recurring.turn()
        return min((recurring.left for recurring in self.all), default=None)
