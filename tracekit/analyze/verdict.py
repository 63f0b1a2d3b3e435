"""Verdict: why a step took so long, as far as its thread was sampled meanwhile. Knows the numbers, and no code.

The time between the first and the last sample in the step was spent computing (cpu), waiting for the GIL (gil), in a system
call, be it for a lock, a file, a socket, a child or sleep (syscall), or waiting for a processor that others had (preempted).
Who is slow only because the machine is busy is not to blame, and who blocks on a busy machine is no less to blame. So:

- preempted, where waiting for a processor took at least SHARE of the time and the rest would have been no block;
- otherwise what took at least SHARE of the time without that waiting, and "mixed" where nothing did;
- "unknown", where less than LEAST of the step lies between samples, or less than SHARE of that time is accounted for.
"""

from __future__ import annotations

from tracekit.model.trace import Args

SHARE = 0.6
LEAST = 0.3

UNKNOWN = "unknown"
MIXED = "mixed"
PREEMPTED = "preempted"
_PARTS = {
    "cpu": ("cpu_ns",),
    PREEMPTED: ("run_queue_ns",),
    "gil": ("gil_ns",),
    "syscall": ("syscall_ns", "lock_ns", "poll_ns", "io_ns", "sleep_ns", "child_ns"),
}


def parts(args: Args) -> dict[str, float]:
    """What share of the sampled time each thing took, by its verdict; {} where nothing was sampled."""
    sampled = _number(args.get("sampled_ns"))
    if sampled <= 0:
        return {}
    return {
        verdict: min(1.0, sum(_number(args.get(key)) for key in keys) / sampled) for verdict, keys in _PARTS.items()
    }


def verdict(args: Args, duration: int, threshold: int) -> str:
    """The verdict on a step.

    Args:
        args: of its slice.
        duration: of it, in ns.
        threshold: ns; a longer step is a block.
    """
    shares = parts(args)
    if not shares or _number(args.get("sampled_ns")) < duration * LEAST or sum(shares.values()) < SHARE:
        return UNKNOWN
    waited = shares.pop(PREEMPTED)
    if waited >= SHARE and duration * (1 - waited) <= threshold:
        return PREEMPTED
    largest = max(shares, key=lambda name: shares[name])
    own = sum(shares.values())
    if not own:
        return PREEMPTED
    return largest if shares[largest] >= SHARE * own else MIXED


def _number(value: object) -> int:
    return value if type(value) is int and value > 0 else 0
