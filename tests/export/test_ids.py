"""Numbers of processes and threads for Perfetto: valid, and different where the things are. Knows no event."""

from __future__ import annotations

from hypothesis import given

from tests.export.traces import traces
from tracekit.export._ids import process_numbers, states_numbers, thread_numbers
from tracekit.model.builder import Builder
from tracekit.model.trace import Trace


@given(trace=traces())
def test_different_and_valid(trace: Trace) -> None:
    """Each process and thread has a valid number of its own, and of its main threads one has that of the process."""
    pids = process_numbers(trace)
    tids = thread_numbers(trace, pids)
    assert len(set(pids)) == len(pids)
    keys = {(thread.process, tid) for thread, tid in zip(trace.threads, tids)}
    assert len(keys) == len(trace.threads)
    states = states_numbers(trace, tids)
    keys |= {(trace.tracks[track].process, tid) for track, tid in states.items()}
    assert len(keys) == len(trace.threads) + len(states)
    assert all(1 <= number < 2**31 for number in (*pids, *tids, *states.values()))
    for process, pid in enumerate(pids):
        own = [(thread.main, tid) for thread, tid in zip(trace.threads, tids) if thread.process == process]
        if any(main for main, _ in own):
            assert sum(main and tid == pid for main, tid in own) == 1


def test_good_numbers_stay() -> None:
    """What the kernel gave out once is shown as it is."""
    builder = Builder()
    for pid in (7, 70):
        process = builder.process(pid, "p")
        builder.thread(process, pid + 1, "worker")
        builder.thread(process, pid, "main", main=True)
    trace = builder.build()
    pids = process_numbers(trace)
    assert (pids, thread_numbers(trace, pids)) == ([7, 70], [8, 7, 71, 70])
