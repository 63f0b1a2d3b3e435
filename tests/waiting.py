"""Waiting for something to come true, in tests of what goes on in other processes. Knows no test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

DEADLINE = 60


def until(condition: Callable[[], Any]) -> Any:
    """Asks again and again, and returns the first answer that is true."""
    end = time.monotonic() + DEADLINE
    while not (answer := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.002)
    return answer
