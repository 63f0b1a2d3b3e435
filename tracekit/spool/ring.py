"""Carried: of the blocks that a flight recorder lets go of, what later records build on. Knows of events only events.py's table.

What is let go of is *folded*, a block at a time. The begins of what is still open are kept, with what was said of it; they are
dropped when the end is folded. So what is kept is what was open when the rest begins. Threads fold their blocks
at their own pace: an end may come before its begin, and is then kept until the begin is folded, too.
"""

from __future__ import annotations

from tracekit import events
from tracekit.spool import layout, roles
from tracekit.spool.core import core
from tracekit.spool.kept import Kept
from tracekit.spool.settle import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from tracekit.spool.shelf import Blocks

_HEAD = layout.BLOCK_HEAD_SLOTS
_ARGUMENTS = 8  # records of arguments for one span
_BLOCK_NUMBERS = (layout.SLOT_MASK + 1) // layout.BLOCK_SLOTS - 1  # as many as slot numbers can tell apart
_settle = settle if core.fast is None else core.fast.settle


class Carried:
    """What is carried on in one spool.

    Args:
        blocks: gives it room.
        count_lost: called with the number of open things that found none.
    """

    def __init__(self, blocks: Blocks, count_lost: Callable[[int], None]) -> None:
        self._kept = Kept(blocks, count_lost)

    def fold(self, block: memoryview, number: int, there: Container[int]) -> None:
        """Take from a block what is to be carried on; it may then go.

        Args:
            block: its words, head and all.
            number: its number.
            there: numbers (modulo 2**22) of the blocks that are still to be folded.
        """
        _Fold(self._kept, block, number, there).run()


class _Fold:
    """One block as it is folded. Only in the end anything is copied: most of what begins in a block ends in it."""

    def __init__(self, kept: Kept, block: memoryview, number: int, there: Container[int]) -> None:
        self._kept = kept
        self._block = block
        self._owner = block[1]
        self._base = number * layout.BLOCK_SLOTS & layout.SLOT_MASK
        self._there = there
        self._begun: dict[int, int] = {}  # key -> place in the block
        self._said: dict[int, list[int]] = {}  # key -> places
        self._late: list[tuple[int, int]] = []  # ends whose begin is not here: key and place
        self._readied: dict[int, int] = {}  # task -> place
        self._running = kept.threads.get(self._owner, []).copy()

    def run(self) -> None:
        """Walk through the records, then keep what has to be."""
        base, begun, said, running, early = self._base, self._begun, self._said, self._running, self._kept.early
        block = self._block
        # What others said of a span, and what was folded earlier, goes with its end: then that must be seen.
        places = range(_HEAD, len(block) // 2) if early else _settle(block, base, roles.WANTED)
        for at in places:
            word = block[2 * at + 1]
            kind = word & 0xFF
            role = roles.ROLES[kind]
            if role == roles.LET_GO:
                pass
            elif role == roles.BEGIN_SPAN:
                begun[base + at] = at
            elif role == roles.END_SPAN:
                key = word >> 32
                if begun.pop(key, None) is None:
                    self._end(key, at)
                elif early:
                    self._forget_early(key)
                if said:
                    said.pop(key, None)
            elif role == roles.ENTER:
                running.append(kind | base + at << 8)
                if kind == events.STEP_BEGIN:
                    self._step(word >> 32, at)
            elif role == roles.LEAVE:
                self._leave(roles.BEGUN_BY[kind])
            elif role == roles.READY:
                self._readied[word >> 32] = at
            else:
                self._rest(role, kind, word >> 32, at)
        self._finish()

    def _rest(self, role: int, kind: int, b: int, at: int) -> None:
        """What is not so frequent."""
        key = roles.KEYS[kind] | b
        if role == roles.BEGIN:
            self._begun[key] = at
        elif role == roles.SAID:
            self._said.setdefault(key, []).append(at)
        elif kind == events.TASK_DONE:
            self._done(key, b, at)
        elif role == roles.END:
            self._conclude(key, at)
            if roles.BEGUN_BY[kind]:
                self._leave(roles.BEGUN_BY[kind])
        elif role == roles.RENAME:
            self._rename(at)
        elif role == roles.EVER:
            self._keep(at)
        elif role == roles.LATEST:
            self._renew(kind, at)
        elif self._keep(at):
            self._remember(at)

    def _done(self, key: int, task: int, at: int) -> None:
        """A task is done: it ends with its step that says so, and is not forgotten before."""
        self._step(task, at)
        for entry in self._running:
            if entry & 0xFF == events.STEP_BEGIN and self._task_of(entry >> 8) == task:
                self._kept.last_steps[entry >> 8] = key
                self._said.setdefault(key, []).append(at)
                return
        self._conclude(key, at)

    def _task_of(self, step: int) -> int:
        place = step - self._base
        if 0 <= place < layout.BLOCK_SLOTS:
            return self._block[2 * place + 1] >> 32
        return self._kept.shelf.field_of(step)

    def _conclude(self, key: int, at: int) -> None:
        """It has ended. `at` is the place of the record that says so; -1: in an earlier block."""
        kept = self._kept
        self._said.pop(key, None)
        if key >> roles.GROUP == events.TASK_CREATED:
            kept.stepped.pop(key & layout.SLOT_MASK, None)
        if self._begun.pop(key, None) is not None:
            self._forget_early(key)
        elif at >= 0:
            self._end(key, at)
        else:
            kept.drop_all(kept.things.pop(key, []))
            if key in kept.early:
                kept.ended.add(key)

    def _end(self, key: int, at: int) -> None:
        """What began in an earlier block has ended, or what began in one that is folded later."""
        things = self._kept.things.pop(key, None)
        if things is not None:
            self._kept.drop_all(things)
        elif self._may_come(key):
            self._late.append((key, at))

    def _forget_early(self, key: int) -> None:
        """It began and ended in this block: what other threads said of it is not needed."""
        self._kept.drop_all(self._kept.early.pop(key, []))
        self._kept.ended.discard(key)

    def _may_come(self, key: int) -> bool:
        """Whether a begin that has not been seen is still to be folded. A span's end tells where its begin stands."""
        return key >> roles.GROUP != 0 or key // layout.BLOCK_SLOTS in self._there

    def _leave(self, kind: int) -> None:
        """The innermost of that kind has ended on this thread, and what it began there with it."""
        running = self._running
        for at in range(len(running) - 1, -1, -1):
            if running[at] & 0xFF == kind:
                left = [entry >> 8 for entry in running[at:]]
                del running[at:]
                self._kept.drop_all(left)
                self._conclude_tasks(left)
                return

    def _conclude_tasks(self, steps: list[int]) -> None:
        """The tasks whose last steps these are have ended."""
        last_steps = self._kept.last_steps
        for step in steps if last_steps else ():
            key = last_steps.pop(step, None)
            if key is not None:
                said = (at for at in self._said.get(key, ()) if self._kind_at(at) == events.TASK_DONE)
                self._conclude(key, next(said, -1))

    def _rename(self, at: int) -> None:
        """The name stays below all that runs, right above the thread."""
        running = self._running
        for place, entry in enumerate(running):
            if entry & 0xFF == events.THREAD_NAME:
                self._kept.shelf.drop(running.pop(place) >> 8)
                break
        running.insert(1, events.THREAD_NAME | self._base + at << 8)

    def _renew(self, kind: int, at: int) -> None:
        """Of that kind only the latest is kept, whichever thread wrote it."""
        kept = self._kept
        before = kept.latest.get(kind, -1)
        if kept.shelf.time_of(before) < self._block[2 * at] and self._keep(at):
            kept.shelf.drop(before)
            kept.latest[kind] = self._base + at

    def _step(self, task: int, at: int) -> None:
        """A task runs: it waits no longer."""
        kept = self._kept
        self._readied.pop(task, None)
        kept.stepped[task] = self._block[2 * at]
        slot = kept.ready.pop(task, None)
        if slot is not None:
            kept.shelf.drop(slot)

    def _finish(self) -> None:
        kept = self._kept
        for key, at in self._begun.items():
            self._begin(key, at)
        for key, at in self._late:
            if self._keep(at):
                kept.early.setdefault(key, []).append(self._base + at)
                kept.ended.add(key)
        for key, places in self._said.items():
            for at in places:
                self._say(key, at)
        for task, at in self._readied.items():
            self._make_ready(task, at)
        for entry in self._running:
            if 0 <= (entry >> 8) - self._base < layout.BLOCK_SLOTS:
                self._keep((entry >> 8) - self._base)
        if self._running:
            kept.threads[self._owner] = self._running
        else:
            kept.threads.pop(self._owner, None)

    def _begin(self, key: int, at: int) -> None:
        kept = self._kept
        early = kept.early.pop(key, None)
        if early is not None and key in kept.ended:
            kept.ended.discard(key)
            kept.drop_all(early)
        elif self._keep(at):
            kept.things[key] = [self._base + at, *(early or ())]
        elif early is not None:
            kept.drop_all(early)

    def _say(self, key: int, at: int) -> None:
        """Keep what was said of something that is open."""
        kept = self._kept
        said = kept.things.get(key)
        if said is None:
            if not self._may_come(key) or key in kept.ended:
                return
            said = kept.early.setdefault(key, [])
        shelf = kept.shelf
        kinds = roles.REPLACES.get(self._kind_at(at))
        same = [slot for slot in said if self._kind_of(slot) in (kinds or (events.SPAN_ARGS,))]
        if kinds is not None and same and shelf.time_of(same[0]) > self._block[2 * at]:
            return
        if same and (kinds is not None or len(same) >= _ARGUMENTS):
            said.remove(same[0])
            shelf.drop(same[0])
        if self._keep(at):
            said.append(self._base + at)

    def _kind_of(self, slot: int) -> int:
        return self._kept.shelf.kind_of(slot)

    def _make_ready(self, task: int, at: int) -> None:
        kept = self._kept
        if kept.stepped.get(task, -1) >= self._block[2 * at]:
            return
        if events.TASK_CREATED << roles.GROUP | task not in kept.things:
            return
        if self._keep(at):
            kept.drop_all([kept.ready[task]] if task in kept.ready else [])
            kept.ready[task] = self._base + at

    def _remember(self, at: int) -> None:
        self._kept.remember(self._base + at)

    def _keep(self, at: int) -> bool:
        """Keep a record and its details; False where there is no room for it."""
        return self._kept.keep(self._owner, self._base + at, self._block[2 * at : 2 * self._end_of(at)])

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
