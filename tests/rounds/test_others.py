"""How much others use, for real. Judges no time but what must follow."""

from __future__ import annotations

import subprocess
import sys

from waiting import until

from tracekit.rounds.others import Others


def test_others_are_seen() -> None:
    """A program that computes and was not waited for yet is one of the others."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            others = Others()
            until(lambda: (others.cores() or 0) > 0.1)
        finally:
            busy.kill()


def test_never_less_than_nothing() -> None:
    """However coarsely the kernel counts, others use no negative time."""
    others = Others()
    assert all((others.cores() or 0.0) >= 0 for _ in range(1000))
