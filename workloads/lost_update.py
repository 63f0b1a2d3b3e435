"""A lost update: two threads add to one number, and half of what they add is gone.

Shape: each of two threads reads a balance, thinks for 2 ms, adds 1 and writes it back, ten times. A barrier sees to it that
both have read before either writes: what otherwise happens now and then happens here each time. With --locked a lock is
held from each read to its write, and nothing is lost.

What its trace must show: the interleaving that loses the update. Both threads have a span for each deposit, and in it one for
the read and one for the write, with the value. The deposits of a round overlap: between the read and the write of one
lies the read of the other, and both write the same value. With --locked no two deposits overlap.
"""

from __future__ import annotations

import argparse
import time
from contextlib import AbstractContextManager, nullcontext
from threading import Barrier, Lock, Thread
from typing import Any

try:
    from tracekit import span
except ImportError:

    def span(_name: str, **_arguments: object) -> Any:  # type: ignore[misc]
        """Plain Python: the same program, only that its reads and writes leave no mark."""
        return nullcontext()


ROUNDS = 10
THINKING_S = 0.002


class Account:
    """A balance that anybody may read and write; neither alone does any harm."""

    def __init__(self) -> None:
        self._balance = 0

    def read(self) -> int:
        balance = self._balance
        with span("read", value=balance):
            return balance

    def write(self, balance: int) -> None:
        with span("write", value=balance):
            self._balance = balance


def deposit(account: Account, lock: AbstractContextManager[Any], barrier: Barrier | None) -> None:
    for _ in range(ROUNDS):
        with lock, span("deposit"):
            balance = account.read()
            time.sleep(THINKING_S)
            if barrier is not None:
                barrier.wait()  # the other one has read as well
            account.write(balance + 1)
        if barrier is not None:
            barrier.wait()  # it has written too


def main() -> None:
    parser = argparse.ArgumentParser(description="Two threads add to one number, and half of it is lost.")
    parser.add_argument("--locked", action="store_true", help="hold a lock from each read to its write")
    locked = parser.parse_args().locked
    account = Account()
    lock: AbstractContextManager[Any] = Lock() if locked else nullcontext()
    barrier = None if locked else Barrier(2)
    threads = [Thread(target=deposit, name=name, args=(account, lock, barrier)) for name in ("Alice", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = 2 * ROUNDS - account.read()
    print(f"{2 * ROUNDS} deposits, {lost} of them lost")


if __name__ == "__main__":
    main()
