"""deadlock: who is caught in it and how it is told. The waits are laid out by hand; times are in ms."""

from __future__ import annotations

from tracekit.analyze import analyze, deadlock

THRESHOLD = 50_000_000


def test_a_circle(hand_made) -> None:
    """Two threads that wait for each other when the trace ends: both are named, with their locks and lines."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 1000, 10_000, b, "Lock 2", "unfinished", line=12)
    hand_made.lock_wait(b, 2000, 10_000, a, "Lock 1", "unfinished", line=22)
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert (finding.slug, finding.severity, finding.start_s, finding.duration_s) == ("deadlock", "error", 2.0, 8.0)
    assert finding.sentence == (
        "a and b wait for each other, for 8.00 s when the recording ended: "
        "a waits in update (/app/work.py:12) for Lock 2, which b took in take (/app/work.py:10); "
        "b waits in update (/app/work.py:22) for Lock 1, which a took in take (/app/work.py:20)."
    )
    assert (finding.track, finding.function, finding.line) == ("b", "update", 22)
    first = finding.details["threads"][0]
    assert (finding.details["kind"], finding.details["outcome"]) == ("circle", "unfinished")
    assert first == {
        "name": "a",
        "pid": 100,
        "tid": 101,
        "lock": "Lock 2",
        "waits_at": {"function": "update", "file": "/app/work.py", "line": 12},
        "held_by": "b",
        "held_at": {"function": "take", "file": "/app/work.py", "line": 10},
    }


def test_three_and_who_waits_behind(hand_made) -> None:
    """A circle may be longer; who waits for one in it is not part of it, but told."""
    a, b, c, d = (hand_made.other_thread(name) for name in "abcd")
    for waiter, holder, lock in ((a, b, "Lock 2"), (b, c, "Lock 3"), (c, a, "Lock 1"), (d, a, "Lock 1")):
        hand_made.lock_wait(waiter, 1000 + waiter, 10_000, holder, lock, "unfinished")
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert {row["name"] for row in finding.details["threads"]} == {"a", "b", "c"}
    assert finding.details["behind"] == ["d"]
    assert finding.sentence.endswith("; 1 more thread waits behind.")


def test_itself(hand_made) -> None:
    """A thread that takes a lock twice waits for itself, unless another one releases it: a warning."""
    hand_made.lock_wait(hand_made.thread, 1000, 10_000, hand_made.thread, outcome="unfinished")
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert finding.details["kind"] == "itself"
    assert finding.sentence == (
        "MainThread waits in update (/app/work.py:12) for Lock 1, which it took itself in take (/app/work.py:10), "
        "so that only another thread could release it; the recording ended after 9.00 s."
    )


def test_a_join_is_part_of_it(hand_made) -> None:
    """Who joins a thread waits for it, and may hold what that one needs."""
    worker = hand_made.other_thread("worker")
    hand_made.lock_wait(
        hand_made.thread, 1000, 10_000, None, "", "unfinished", "Thread.join", joined="worker", joined_tid=101
    )
    hand_made.lock_wait(worker, 500, 10_000, hand_made.thread, "Lock 1", "unfinished")
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert "MainThread waits in update (/app/work.py:12) for worker to end" in finding.sentence
    assert finding.details["threads"][1]["lock"] is None or finding.details["threads"][0]["lock"] is None


def test_begun_before(hand_made) -> None:
    """Of waits that had begun before a short trace did nobody knows how long they were; they are a deadlock all the same."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 0, 10_000, b, "Lock 2", "unfinished", begun_before=True)
    hand_made.lock_wait(b, 0, 10_000, a, "Lock 1", "unfinished", begun_before=True)
    (finding,) = deadlock.find(hand_made.build(), 10**12)
    assert "for at least 10.0 s when the recording ended" in finding.sentence


def test_given_up(hand_made) -> None:
    """A circle that a timeout ended was one until then."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 1000, 3000, b, "Lock 2", "given up")
    hand_made.lock_wait(b, 1500, 3001, a, "Lock 1", "taken")
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert finding.sentence.startswith("a and b waited for each other, for 1.50 s until a gave up: a waited in update")
    assert finding.details["outcome"] == "given up"


def test_taken_in_the_end(hand_made) -> None:
    """What ended because a lock was released was no deadlock."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 1000, 3000, b, "Lock 2", "taken")
    hand_made.lock_wait(b, 1500, 3001, a, "Lock 1", "taken")
    assert deadlock.find(hand_made.build(), THRESHOLD) == []


def test_a_holder_that_has_ended(hand_made) -> None:
    """What a thread holds that has ended, nobody releases; once for all who wait."""
    gone = hand_made.other_thread("gone", ended=2000)
    for waiter in (hand_made.thread, hand_made.other_thread("b")):
        hand_made.lock_wait(waiter, 1000, 10_000, gone, outcome="unfinished")
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert (finding.details["kind"], finding.details["behind"]) == ("ended", ["b"])
    assert (finding.start_s, finding.duration_s) == (2.0, 8.0)
    assert "which gone took in take (/app/work.py:10) and had not released when it ended" in finding.sentence


def test_forked(hand_made) -> None:
    """What a thread of the parent held at a fork, the child waits for in vain, whether it gives up or not."""
    child = hand_made.builder.process(200, "child", parent=0)
    thread = hand_made.builder.thread(child, 200, "MainThread", main=True)
    hand_made._slice(hand_made.builder.track(1, thread), 0, 10_000, "MainThread", 1)
    holder = hand_made.other_thread("worker")
    hand_made.lock_wait(thread, 1000, 3000, holder, outcome="given up", held_by_pid=100, inherited=True)
    (finding,) = deadlock.find(hand_made.build(), THRESHOLD)
    assert finding.details["kind"] == "forked"
    assert (
        "for Lock 1, which worker of process 100 held in take (/app/work.py:10) at the fork: no thread here can release it"
        in finding.sentence
    )
    assert "spawn" in finding.advice


def test_who_waits_for_nothing_held(hand_made) -> None:
    """Workers without work, and one that waits for a thread that goes on, are caught in nothing."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 1000, 10_000, outcome="unfinished", name="queue.Queue.get")
    hand_made.lock_wait(b, 1000, 10_000, a, outcome="unfinished")
    hand_made.lock_wait(
        hand_made.thread, 1000, 10_000, None, "", "unfinished", "Thread.join", joined="a", joined_tid=101
    )
    assert deadlock.find(hand_made.build(), THRESHOLD) == []


def test_it_comes_first_and_once(hand_made) -> None:
    """A deadlock is the most urgent finding, and its waits are not told as contention as well."""
    a, b = hand_made.other_thread("a"), hand_made.other_thread("b")
    hand_made.lock_wait(a, 1000, 10_000, b, "Lock 2", "unfinished")
    hand_made.lock_wait(b, 2000, 10_000, a, "Lock 1", "unfinished")
    assert [finding.slug for finding in analyze(hand_made.build())] == ["deadlock"]
