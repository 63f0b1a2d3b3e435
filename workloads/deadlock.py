"""A deadlock: two transfers take the locks of the same two accounts, each in its own order.

Shape: one thread transfers from A to B, another from B to A. Each locks the account that it takes from, and then the
other one; a barrier sees to it that both have locked their first account before either asks for its second. The main
thread looks on for --seconds, says that nothing has come of it, and ends the program with status 1. With --ordered both
lock the accounts in the same order, and the transfers go through.

What its trace must show, recorded with --locks: two waits that never end, each for a lock that the other thread holds.
The finding `deadlock` names both threads, both locks, and the lines where each was taken and is waited for; `tracekit
run` says the same on stderr while the program still hangs, and the trace of a program that was killed in it says it as
well.
"""

from __future__ import annotations

import argparse
import sys
from threading import Barrier, Lock, Thread


class Account:
    """Some money, and the lock that whoever changes it must hold."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.balance = 100
        self.lock = Lock()


def transfer(source: Account, target: Account, barrier: Barrier | None) -> None:
    first, second = source, target
    if barrier is None and target.number < source.number:
        first, second = target, source
    with first.lock:
        if barrier is not None:
            barrier.wait()  # the other one has its first account as well
        with second.lock:
            source.balance -= 10
            target.balance += 10


def main() -> int:
    parser = argparse.ArgumentParser(description="Two transfers that wait for each other.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long to look on (default 3)")
    parser.add_argument("--ordered", action="store_true", help="lock the accounts in the same order: no deadlock")
    arguments = parser.parse_args()
    here, there = Account(1), Account(2)
    barrier = None if arguments.ordered else Barrier(2)
    pairs = {"there": (here, there), "back": (there, here)}
    threads = [Thread(target=transfer, name=name, args=(*pair, barrier), daemon=True) for name, pair in pairs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(arguments.seconds / len(threads))
    if any(thread.is_alive() for thread in threads):
        print("neither transfer went through")
        return 1
    print("both transfers went through")
    return 0


if __name__ == "__main__":
    sys.exit(main())
