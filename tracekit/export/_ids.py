"""The numbers under which Perfetto keeps processes and threads apart. Knows rows of a trace, no format.

Perfetto knows a process by its pid and a thread by pid and tid, both from 1 to 2147483647, and takes the thread whose
tid is the pid for the main one. A number that the kernel gave out twice, or that does not fit, is replaced by one from
the top.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracekit.model.trace import Trace, TrackKind

_HIGHEST = 2**31 - 1
_STATES = 10_000_000  # above every tid that Linux gives out


def process_numbers(trace: Trace) -> list[int]:
    """A pid for each process of the trace, each different."""
    return _distinct([process.pid for process in trace.processes], reserved=())


def thread_numbers(trace: Trace, pids: list[int]) -> list[int]:
    """A tid for each thread of the trace, each different within its process; the main thread's is its process's pid.

    Args:
        pids: what `process_numbers` returned.
    """
    tids = [0] * len(trace.threads)
    members: dict[int, list[int]] = {}
    for index, thread in enumerate(trace.threads):
        members.setdefault(thread.process, []).append(index)
    for process, indices in members.items():
        main = next((index for index in indices if trace.threads[index].main), None)
        others = [index for index in indices if index != main]
        # A pid that was replaced is no tid that any thread of it had, so nobody may get it by chance either.
        numbers = _distinct(
            [trace.threads[index].tid for index in others], reserved=(pids[process],) if main is not None else ()
        )
        for index, number in zip(others, numbers):
            tids[index] = number
        if main is not None:
            tids[main] = pids[process]
    return tids


def states_numbers(trace: Trace, tids: list[int]) -> dict[int, int]:
    """A tid for each track of states, by the index of the track: that of its thread and ten million.

    What a thread was seen to do is drawn as a thread beside it, which takes one row. Perfetto sorts threads by tid, so these
    follow in the order of their threads.

    Args:
        tids: what `thread_numbers` returned.
    """
    tracks: dict[int, list[int]] = {}
    for at, track in enumerate(trace.tracks):
        if track.kind == TrackKind.STATES:
            tracks.setdefault(track.process, []).append(at)
    numbers: dict[int, int] = {}
    for process, own in tracks.items():
        wanted = [min(tids[trace.tracks[at].owner] + _STATES, _HIGHEST) for at in own]
        taken = [tid for thread, tid in zip(trace.threads, tids) if thread.process == process]
        numbers.update(zip(own, _distinct(wanted, reserved=taken)))
    return numbers


def _distinct(wanted: list[int], reserved: Iterable[int]) -> list[int]:
    """The wanted numbers where they are valid and not yet taken, others where not."""
    taken = set(reserved)
    numbers: list[int] = []
    for number in wanted:
        fits = 1 <= number <= _HIGHEST and number not in taken
        numbers.append(number if fits else 0)
        if fits:
            taken.add(number)
    spare = _HIGHEST
    for index, number in enumerate(numbers):
        if not number:
            while spare in taken:
                spare -= 1
            numbers[index] = spare
            taken.add(spare)
    return numbers
