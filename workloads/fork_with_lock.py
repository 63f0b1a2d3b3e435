"""A fork with a lock held: the child inherits a lock that is taken, and nobody who could ever release it.

Shape: a thread refreshes a cache, and holds the cache's lock meanwhile. In the middle of it the main thread forks (two
events see to that), and the child looks into the cache. The thread that would release the lock exists in the parent only;
the child waits for --seconds, gives up and ends with status 1. With --spawn it is started as a new process instead, has a
lock of its own, and ends with 0. The program ends with the child's status.

What its trace must show, recorded with --locks: two processes, the child forked while the parent's thread "refresher" was
in `refresh`; in the child a wait for the lock that is given up. The finding `deadlock` says of it that "refresher" of the
parent held it at the fork, and where it was taken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from threading import Event, Lock, Thread


class Cache:
    """Values that are renewed now and then; nobody reads them meanwhile."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.values = {"greeting": "hello"}

    def refresh(self, begun: Event, enough: Event) -> None:
        with self.lock:
            begun.set()
            enough.wait()
            self.values["greeting"] = "hello again"

    def read(self, patience: float) -> str | None:
        if not self.lock.acquire(timeout=patience):
            return None
        try:
            return self.values["greeting"]
        finally:
            self.lock.release()


cache = Cache()


def child(patience: float) -> None:
    greeting = cache.read(patience)
    print("the child waited in vain" if greeting is None else f"the child says {greeting}")
    sys.exit(greeting is None)


def main() -> int:
    parser = argparse.ArgumentParser(description="A child process inherits a lock that nobody can release.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the child waits (default 3)")
    parser.add_argument("--spawn", action="store_true", help="start the child as a new process instead")
    arguments = parser.parse_args()
    begun, enough = Event(), Event()
    refresher = Thread(target=cache.refresh, name="refresher", args=(begun, enough))
    refresher.start()
    begun.wait()
    context = multiprocessing.get_context("spawn" if arguments.spawn else "fork")
    process = context.Process(target=child, name="child", args=(arguments.seconds,))
    process.start()
    enough.set()
    refresher.join()
    process.join()
    return process.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
