"""lock-contention: which waits for locks are worth a word, and what is said of them. Laid out by hand; times are in ms."""

from __future__ import annotations

from tracekit.analyze import lock_contention
from tracekit.analyze.lock_table import locks

THRESHOLD = 50_000_000


def test_one_waits(hand_made) -> None:
    """A thread that waited for a good part of its time, for whom, and where that took the lock."""
    worker = hand_made.other_thread("worker")
    hand_made.lock_wait(worker, 1000, 2000, hand_made.thread)
    hand_made.lock_wait(worker, 3000, 3500, hand_made.thread)
    (finding,) = lock_contention.find(hand_made.build(), THRESHOLD)
    assert (finding.slug, finding.severity, finding.start_s, finding.duration_s) == (
        "lock-contention",
        "warning",
        1.0,
        1.5,
    )
    assert finding.sentence == (
        "worker waited 1.50 s for Lock 1, 15% of its time: 2 times, the longest 1.00 s; "
        "it was held by MainThread in take (/app/work.py:10)."
    )
    assert (finding.track, finding.function, finding.line) == ("worker", "take", 10)
    details = finding.details
    assert (details["lock"], details["pid"], details["waits"], details["share"]) == ("Lock 1", 100, 2, 0.15)
    assert details["waiters"] == [{"name": "worker", "waited_s": 1.5, "share": 0.15}]
    assert details["held_by"] == [{"name": "MainThread", "waited_s": 1.5}]
    assert details["held_at"] == [{"function": "take", "file": "/app/work.py", "line": 10, "waited_s": 1.5}]
    assert details["waits_at"][0]["line"] == 12
    assert (details["convoy"], details["most_waiting"], details["handed_on"]) == (False, 1, 0)


def test_a_convoy(hand_made) -> None:
    """Where the lock goes from hand to hand while others stand in line, that is said."""
    a, b, c = (hand_made.other_thread(name) for name in "abc")
    for start in range(0, 3000, 300):
        hand_made.lock_wait(a, start, start + 100, c)
        hand_made.lock_wait(b, start + 1, start + 200, c)
        hand_made.lock_wait(c, start + 101, start + 299, a)
    (finding,) = lock_contention.find(hand_made.build(), THRESHOLD)
    assert (finding.details["convoy"], finding.details["most_waiting"]) == (True, 2)
    assert finding.sentence.startswith("3 threads waited ")
    assert "up to 2 stood in line, and 20 of 30 times who got it left others waiting: a convoy" in finding.sentence


def test_too_little(hand_made) -> None:
    """Waits that are short and a small share of their threads' lives are not worth a word; one long wait is."""
    worker = hand_made.other_thread("worker")
    for start in range(0, 400, 20):
        hand_made.lock_wait(worker, start, start + 10, hand_made.thread)
    assert lock_contention.find(hand_made.build(), THRESHOLD) == []
    hand_made.lock_wait(worker, 1000, 1060, hand_made.thread)
    assert len(lock_contention.find(hand_made.build(), THRESHOLD)) == 1


def test_nobodys_fault(hand_made) -> None:
    """Who waits for work, an event or a thread's end waits for nobody's lock; who waits for a queue's own lock does."""
    worker = hand_made.other_thread("worker")
    for at, name in enumerate(("queue.Queue.get", "Event.wait", "Condition.wait", "Barrier.wait", "idle worker")):
        hand_made.lock_wait(worker, 1000 * at, 1000 * at + 900, name=name, lock=f"Lock {at}")
    hand_made.lock_wait(worker, 6000, 7000, name="Thread.join", joined="MainThread", joined_tid=100)
    trace = hand_made.build()
    assert lock_contention.find(trace, THRESHOLD) == []
    rows = locks(trace)
    assert [(row.name, row.lock, row.is_contended) for row in rows[:2]] == [
        ("Thread.join", "", False),
        ("queue.Queue.get", "", False),
    ]

    hand_made.lock_wait(worker, 8000, 9900, hand_made.thread, name="queue.Queue.get", lock="Lock 77")
    assert [finding.details["lock"] for finding in lock_contention.find(hand_made.build(), THRESHOLD)] == ["Lock 77"]


def test_idle_workers(hand_made) -> None:
    """Workers in line for the lock of their queue, which one of them holds, wait for work; the table has them."""
    worker = hand_made.other_thread("worker")
    hand_made.lock_wait(worker, 1000, 9000, hand_made.thread, name="idle worker", lock="shared Lock 1", shared=True)
    trace = hand_made.build()
    assert lock_contention.find(trace, THRESHOLD) == []
    assert [(row.name, row.lock, row.is_contended) for row in locks(trace)] == [("idle worker", "", False)]


def test_a_wait_without_a_holder(hand_made) -> None:
    """A wait that knows no holder counts with the others for its lock, so that a lock is one row."""
    worker = hand_made.other_thread("worker")
    hand_made.lock_wait(worker, 1000, 2000, hand_made.thread)
    hand_made.lock_wait(worker, 3000, 6000)
    trace = hand_made.build()
    assert [(row.lock, row.times, row.holders) for row in locks(trace)] == [
        ("Lock 1", 2, (("MainThread", 1_000_000_000),))
    ]
    (finding,) = lock_contention.find(trace, THRESHOLD)
    assert finding.duration_s == 4.0


def test_a_lock_as_a_signal(hand_made) -> None:
    """Who waits for a lock that it took itself, and gets it, waited for a word of another thread's."""
    hand_made.lock_wait(hand_made.thread, 1000, 2000, hand_made.thread)
    assert lock_contention.find(hand_made.build(), THRESHOLD) == []


def test_locks_of_different_processes(hand_made) -> None:
    """Locks of one number in two processes are two, unless both share it."""
    worker = hand_made.other_thread("worker")
    child = hand_made.builder.process(200, "child", parent=0)
    thread = hand_made.builder.thread(child, 200, "MainThread", main=True)
    hand_made._slice(hand_made.builder.track(1, thread), 0, 10_000, "MainThread", 1)
    for waiter, other in ((worker, hand_made.thread), (thread, None)):
        at = {} if other is not None else {"held_in": "take", "held_file": "/app/work.py"}
        hand_made.lock_wait(waiter, 1000, 2000, other, **at)
        hand_made.lock_wait(waiter, 3000, 4000, other, lock="shared SemLock 1", shared=True, **at)
    found = {(row.lock, row.pid): row.times for row in locks(hand_made.build())}
    assert found == {("Lock 1", 100): 1, ("Lock 1", 200): 1, ("shared SemLock 1", 100): 2}
