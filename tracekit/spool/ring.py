"""Carried: of the blocks that a flight recorder lets go of, what later records build on. Knows of events only events.py's table.

What is let go of is *folded*, a block at a time. The begins of what is still open are kept, with what was said of it; they are
dropped when the end is folded. So what is kept is what was open when the rest begins. Threads fold their blocks
at their own pace: an end may come before its begin, and is then kept until the begin is folded, too.
"""

from __future__ import annotations

from tracekit import events
from tracekit.spool import layout
from tracekit.spool.core import core
from tracekit.spool.limits import NoRoom
from tracekit.spool.settle import settle
from tracekit.spool.shelf import Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from tracekit.spool.shelf import Blocks

_HEAD = layout.BLOCK_HEAD_SLOTS
_WHILE = 1000  # records of events.FOR_A_WHILE
_ARGUMENTS = 8  # records of arguments for one span
_BLOCK_NUMBERS = (layout.SLOT_MASK + 1) // layout.BLOCK_SLOTS - 1  # as many as slot numbers can tell apart

# What is to be done with a record of each kind.
(
    _LET_GO,
    _BEGIN_SPAN,
    _END_SPAN,
    _ENTER,
    _LEAVE,
    _READY,
    _BEGIN,
    _END,
    _SAID,
    _RENAME,
    _EVER,
    _LATEST,
    _WHILE_IT_LASTS,
) = range(13)
_ROLES = [_LET_GO] * 256
_GROUP = (
    32  # what begins across threads is known by its kind above 32 bits of slot or serial; spans by their slot alone
)
_GROUPS = {kind: 0 if kind == events.SPAN_BEGIN else kind << _GROUP for kind in events.ACROSS_THREADS}
_KEYS = [0] * 256  # group of a begin, an end, or what is said of it
_BEGUN_BY = [0] * 256  # what runs on a thread: end -> begin
_REPLACES = {kind: row for row in events.LATEST_OF for kind in row}


def _fill_in() -> None:
    for begin, end in events.ACROSS_THREADS.items():
        span = begin == events.SPAN_BEGIN
        _ROLES[begin], _ROLES[end] = (_BEGIN_SPAN, _END_SPAN) if span else (_BEGIN, _END)
        _KEYS[begin] = _KEYS[end] = _GROUPS[begin]
    for kind, begin in events.ABOUT.items():
        _ROLES[kind], _KEYS[kind] = _SAID, _GROUPS[begin]
    for event in events.TABLE:
        if event.ends in events.ON_THREAD:
            _BEGUN_BY[event.kind] = event.ends
            if _ROLES[event.kind] == _LET_GO:  # JOB_END is both: _END does both
                _ROLES[event.kind] = _LEAVE
    for kind in events.ON_THREAD:
        _ROLES[kind] = _ENTER
    _ROLES[events.THREAD_NAME] = _RENAME
    _ROLES[events.TASK_READY] = _READY
    for kind in events.FOR_EVER:
        _ROLES[kind] = _EVER
    for kind in events.LATEST_OF_ALL:
        _ROLES[kind] = _LATEST
    for kind in events.FOR_A_WHILE:
        _ROLES[kind] = _WHILE_IT_LASTS


_fill_in()
_WANTED = bytes(role != _LET_GO for role in _ROLES)
_settle = settle if core.fast is None else core.fast.settle


class Carried:
    """What is carried on in one spool.

    Args:
        blocks: gives it room.
        count_lost: called with the number of open things that found none.
    """

    def __init__(self, blocks: Blocks, count_lost: Callable[[int], None]) -> None:
        self._shelf = Shelf(blocks)
        self._count_lost = count_lost
        self._things: dict[int, list[int]] = {}  # begun, not ended: slots of the begin and of what was said since
        self._early: dict[int, list[int]] = {}  # their begin has not been folded yet
        self._ended: set[int] = set()  # those of them that have ended
        self._threads: dict[int, list[int]] = {}  # owner -> what runs there: kind, and slot above it
        self._ready: dict[int, int] = {}  # task -> slot
        self._stepped: dict[int, int] = {}  # task -> time of its latest step
        self._latest: dict[int, int] = {}  # kind -> slot
        self._while: dict[int, None] = {}  # slots

    def fold(self, block: memoryview, number: int, there: Container[int]) -> None:
        """Take from a block what is to be carried on; it may then go.

        Args:
            block: its words, head and all.
            number: its number.
            there: numbers (modulo 2**22) of the blocks that are still to be folded.
        """
        _Fold(self, block, number, there).run()

    def _drop_all(self, slots: list[int]) -> None:
        for slot in slots:
            self._shelf.drop(slot)

    def _make_room(self, slots: int) -> bool:
        """Make room for a record: what is known for a while goes first, then what has been open for longest."""
        shelf = self._shelf
        if shelf.fits(slots):
            return True
        while self._while and shelf.is_tight():
            slot = next(iter(self._while))
            del self._while[slot]
            shelf.drop(slot)
        lost = 0
        for things in (self._early, self._things):
            while things and shelf.is_tight():
                key = next(iter(things))
                self._drop_all(things.pop(key))
                self._ended.discard(key)
                if key >> _GROUP == events.TASK_CREATED:
                    self._stepped.pop(key & layout.SLOT_MASK, None)
                lost += 1
        if lost:
            self._count_lost(lost)
        return shelf.fits(slots)


class _Fold:
    """One block as it is folded. Only in the end anything is copied: most of what begins in a block ends in it."""

    def __init__(self, carried: Carried, block: memoryview, number: int, there: Container[int]) -> None:
        self._carried = carried
        self._block = block
        self._owner = block[1]
        self._base = number * layout.BLOCK_SLOTS & layout.SLOT_MASK
        self._there = there
        self._begun: dict[int, int] = {}  # key -> place in the block
        self._said: dict[int, list[int]] = {}  # key -> places
        self._late: list[tuple[int, int]] = []  # ends whose begin is not here: key and place
        self._readied: dict[int, int] = {}  # task -> place
        self._running = carried._threads.get(self._owner, []).copy()

    def run(self) -> None:
        """Walk through the records, then keep what has to be."""
        base, begun, said, running, early = self._base, self._begun, self._said, self._running, self._carried._early
        block = self._block
        # What others said of a span, and what was folded earlier, goes with its end: then that must be seen.
        places = range(_HEAD, len(block) // 2) if early else _settle(block, base, _WANTED)
        for at in places:
            word = block[2 * at + 1]
            kind = word & 0xFF
            role = _ROLES[kind]
            if role == _LET_GO:
                pass
            elif role == _BEGIN_SPAN:
                begun[base + at] = at
            elif role == _END_SPAN:
                key = word >> 32
                if begun.pop(key, None) is None:
                    self._end(key, at)
                elif early:
                    self._forget_early(key)
                if said:
                    said.pop(key, None)
            elif role == _ENTER:
                running.append(kind | base + at << 8)
                if kind == events.STEP_BEGIN:
                    self._step(word >> 32, at)
            elif role == _LEAVE:
                self._leave(_BEGUN_BY[kind])
            elif role == _READY:
                self._readied[word >> 32] = at
            else:
                self._rest(role, kind, word >> 32, at)
        self._finish()

    def _rest(self, role: int, kind: int, b: int, at: int) -> None:
        """What is not so frequent."""
        key = _KEYS[kind] | b
        if role == _BEGIN:
            self._begun[key] = at
        elif role == _SAID:
            self._said.setdefault(key, []).append(at)
        elif role == _END:
            if self._begun.pop(key, None) is None:
                self._end(key, at)
            else:
                self._forget_early(key)
            self._said.pop(key, None)
            if kind == events.TASK_DONE:
                self._step(b, at)
                self._carried._stepped.pop(b, None)
            elif _BEGUN_BY[kind]:
                self._leave(_BEGUN_BY[kind])
        elif role == _RENAME:
            self._rename(at)
        elif role == _EVER:
            self._keep(at)
        elif role == _LATEST:
            self._renew(kind, at)
        elif self._keep(at):
            self._remember(at)

    def _end(self, key: int, at: int) -> None:
        """What began in an earlier block has ended, or what began in one that is folded later."""
        things = self._carried._things.pop(key, None)
        if things is not None:
            self._carried._drop_all(things)
        elif self._may_come(key):
            self._late.append((key, at))

    def _forget_early(self, key: int) -> None:
        """It began and ended in this block: what other threads said of it is not needed."""
        self._carried._drop_all(self._carried._early.pop(key, []))
        self._carried._ended.discard(key)

    def _may_come(self, key: int) -> bool:
        """Whether a begin that has not been seen is still to be folded. A span's end tells where its begin stands."""
        return key >> _GROUP != 0 or key // layout.BLOCK_SLOTS in self._there

    def _leave(self, kind: int) -> None:
        """The innermost of that kind has ended on this thread, and what it began there with it."""
        running = self._running
        for at in range(len(running) - 1, -1, -1):
            if running[at] & 0xFF == kind:
                self._carried._drop_all([entry >> 8 for entry in running[at:]])
                del running[at:]
                return

    def _rename(self, at: int) -> None:
        """The name stays below all that runs, right above the thread."""
        running = self._running
        for place, entry in enumerate(running):
            if entry & 0xFF == events.THREAD_NAME:
                self._carried._shelf.drop(running.pop(place) >> 8)
                break
        running.insert(1, events.THREAD_NAME | self._base + at << 8)

    def _renew(self, kind: int, at: int) -> None:
        """Of that kind only the latest is kept, whichever thread wrote it."""
        carried = self._carried
        before = carried._latest.get(kind, -1)
        if carried._shelf.time_of(before) < self._block[2 * at] and self._keep(at):
            carried._shelf.drop(before)
            carried._latest[kind] = self._base + at

    def _step(self, task: int, at: int) -> None:
        """A task runs: it waits no longer."""
        carried = self._carried
        self._readied.pop(task, None)
        carried._stepped[task] = self._block[2 * at]
        slot = carried._ready.pop(task, None)
        if slot is not None:
            carried._shelf.drop(slot)

    def _finish(self) -> None:
        carried = self._carried
        for key, at in self._begun.items():
            self._begin(key, at)
        for key, at in self._late:
            if self._keep(at):
                carried._early.setdefault(key, []).append(self._base + at)
                carried._ended.add(key)
        for key, places in self._said.items():
            for at in places:
                self._say(key, at)
        for task, at in self._readied.items():
            self._make_ready(task, at)
        for entry in self._running:
            if 0 <= (entry >> 8) - self._base < layout.BLOCK_SLOTS:
                self._keep((entry >> 8) - self._base)
        if self._running:
            carried._threads[self._owner] = self._running
        else:
            carried._threads.pop(self._owner, None)

    def _begin(self, key: int, at: int) -> None:
        carried = self._carried
        early = carried._early.pop(key, None)
        if early is not None and key in carried._ended:
            carried._ended.discard(key)
            carried._drop_all(early)
        elif self._keep(at):
            if self._ends_elsewhere(at):
                self._remember(at)
            else:
                carried._things[key] = [self._base + at, *(early or ())]
        elif early is not None:
            carried._drop_all(early)

    def _ends_elsewhere(self, at: int) -> bool:
        """Whether another process will record the end: a process pool's job."""
        return any(self._kind_at(detail) == events.WORK for detail in range(at, self._end_of(at)))

    def _say(self, key: int, at: int) -> None:
        """Keep what was said of something that is open."""
        carried = self._carried
        said = carried._things.get(key)
        if said is None:
            if not self._may_come(key) or key in carried._ended:
                return
            said = carried._early.setdefault(key, [])
        shelf = carried._shelf
        kinds = _REPLACES.get(self._kind_at(at))
        same = [slot for slot in said if self._kind_of(slot) in (kinds or (events.SPAN_ARGS,))]
        if kinds is not None and same and shelf.time_of(same[0]) > self._block[2 * at]:
            return
        if same and (kinds is not None or len(same) >= _ARGUMENTS):
            said.remove(same[0])
            shelf.drop(same[0])
        if self._keep(at):
            said.append(self._base + at)

    def _kind_of(self, slot: int) -> int:
        return self._carried._shelf.kind_of(slot)

    def _make_ready(self, task: int, at: int) -> None:
        carried = self._carried
        if carried._stepped.get(task, -1) >= self._block[2 * at]:
            return
        if events.TASK_CREATED << _GROUP | task not in carried._things:
            return
        if self._keep(at):
            carried._drop_all([carried._ready[task]] if task in carried._ready else [])
            carried._ready[task] = self._base + at

    def _remember(self, at: int) -> None:
        known = self._carried._while
        known[self._base + at] = None
        if len(known) > _WHILE:
            slot = next(iter(known))
            del known[slot]
            self._carried._shelf.drop(slot)

    def _keep(self, at: int) -> bool:
        """Keep a record and its details; False where there is no room for it."""
        end = self._end_of(at)
        carried = self._carried
        if carried._make_room(end - at):
            try:
                carried._shelf.keep(self._owner, self._base + at, self._block[2 * at : 2 * end])
                return True
            except NoRoom:
                pass
        carried._count_lost(1)
        return False

    def _end_of(self, at: int) -> int:
        """Behind a record and its details."""
        end = at + 1
        while 2 * end < len(self._block) and self._kind_at(end) >= events.FIRST_DETAIL:
            end += 1
        return end

    def _kind_at(self, at: int) -> int:
        return self._block[2 * at + 1] & 0xFF


def block_number(number: int) -> int:
    """What slot numbers tell of the number of a block."""
    return number & _BLOCK_NUMBERS
