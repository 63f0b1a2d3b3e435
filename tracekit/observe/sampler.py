"""Observer: looks at the processes of a session from outside: what all their threads do, what they weigh, where blocked loops
are. The traced processes do nothing for it, are not stopped, and their GILs are not needed. Composes the rest of this room.
"""

from __future__ import annotations

from tracekit.observe.family import Family
from tracekit.observe.journal import Journal
from tracekit.observe.live import Live, Running
from tracekit.observe.stacks import Stacks
from tracekit.observe.states import States
from tracekit.observe.weights import Weights
from tracekit.spool import layout
from tracekit.spool.limits import Limits

# Between two looks at what the loops run, however often threads are looked at; before, and after one was seen to run something.
_FIRST_LIVE_NS, _LIVE_NS = 19_000_000, 9_000_000


class Observer:
    """Looks at the processes that record into a session.

    Args:
        directory: of the session, absolute.
        live: the session.
        threshold: ns; a step longer than this is a block.
        limits: of the session.
        program: pid of the program, whose descendants are looked for that record nothing; None: of nobody.
    """

    def __init__(
        self, directory: str, live: Live, threshold: int, limits: Limits, program: int | None = None, ours: str = ""
    ) -> None:
        self._directory = directory
        self._live = live
        self._threshold = threshold
        self._limits = limits
        self._program = program
        self._ours = ours
        self._running: list[Running] = []
        self._has_loops = False
        self._next_live = 0
        self._processes: dict[str, int] = {}
        self._sight: _Sight | None = None
        self._is_blind = False

    @property
    def is_open(self) -> bool:
        """Whether it has begun to write down what it sees."""
        return self._sight is not None or self._is_blind

    def look(self, now: int) -> list[Running]:
        """Look at everything that is due.

        Args:
            now: CLOCK_MONOTONIC, ns.

        Returns:
            What the loops ran when they were last looked at.
        """
        is_due = now >= self._next_live
        if is_due:
            self._running = self._live.look(now)
            self._has_loops = self._has_loops or bool(self._running)
            self._next_live = now + (_LIVE_NS if self._has_loops else _FIRST_LIVE_NS)
            self._processes = {path: tails.header[layout.H_PID] for path, tails in self._live.tails.items()}
        sight = self._open()
        if sight is not None:
            sight.states.look(self._processes, now)
            sight.weights.look(self._processes, now)
            if sight.family is not None and is_due:
                sight.family.look(now, self._processes.values())
            if is_due and self._has_loops:
                sight.stacks.look(self._running, now)
            if sight.journal.is_full:
                self._shut()
        return self._running

    def close(self) -> None:
        """The session is over."""
        self._shut()

    def _open(self) -> _Sight | None:
        if self._sight is None and self._processes and not self._is_blind:
            try:
                journal = Journal(self._directory, self._limits)
            except OSError:  # no room, or the session is over
                self._is_blind = True
            else:
                family = _family(self._program, journal, self._ours)
                self._sight = _Sight(self._live, self._threshold, journal, self._limits.is_flight, family)
        return self._sight

    def _shut(self) -> None:
        sight, self._sight = self._sight, None
        self._is_blind = True
        if sight is not None:
            sight.close()


class _Sight:
    """All ways to look, and the journal of what is seen."""

    def __init__(self, live: Live, threshold: int, journal: Journal, is_flight: bool, family: Family | None) -> None:
        self.journal = journal
        self.family = family
        self.states = States(journal, often=is_flight)
        self.weights = Weights(journal)
        self.stacks = Stacks(live, threshold, journal)

    def close(self) -> None:
        if self.family is not None:
            self.family.close()
        self.states.close()
        self.journal.note(self.stacks.close())
        self.journal.close()


def _family(program: int | None, journal: Journal, ours: str) -> Family | None:
    try:
        return None if program is None else Family(program, journal, ours)
    except (OSError, ValueError):  # it has ended
        return None
