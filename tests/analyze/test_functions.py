"""When functions ran, by hand-made samples and calls. Knows no state; times are in ms."""

from __future__ import annotations

import pytest

from tracekit.analyze.functions import Stretches, functions
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, TrackKind

MS = 1_000_000
APP, LIBRARY = "/app/main.py", "/app/venv/lib/python3.11/site-packages/lib/parse.py"


class Made:
    """A thread, and what is laid on it."""

    def __init__(self) -> None:
        self.builder = Builder("app.py")
        process = self.builder.process(10, "app.py", started=0, ended=1000 * MS)
        self.thread = self.builder.thread(process, 10, "MainThread")
        self.track = self.builder.track(TrackKind.THREAD, self.thread)

    def sample(self, *times: int, stack: tuple[tuple[str, str, int], ...], source: int = SampleSource.SAMPLER) -> None:
        """The stack, outermost first, was seen at some times."""
        frame = -1
        for function, file, line in stack:
            frame = self.builder.frame(frame, function, file, line)
        for time in times:
            self.builder.sample(self.thread, time * MS, frame, SampleState.UNKNOWN, SampleSource(source))

    def call(self, start: int, end: int, name: str) -> None:
        """A call was recorded."""
        self.builder.slice(self.track, start * MS, end * MS, name, Category.CALL)


@pytest.fixture
def made() -> Made:
    return Made()


def told(found: Stretches) -> list[tuple[str, int, float, float, str]]:
    """Each stretch as function, line, start and end, and the function that it is taken from."""
    columns = zip(found.function.tolist(), found.start.tolist(), found.end.tolist(), found.around.tolist())
    return [
        (
            found.places[of].function,
            found.places[of].line,
            start / MS,
            end / MS,
            found.places[around].function if around >= 0 else "",
        )
        for of, start, end, around in columns
    ]


def test_samples(made: Made) -> None:
    """A function has the time around its samples, with what it called of libraries, and goes by the line seen most often."""
    made.sample(10, 20, stack=(("main", APP, 5),))
    made.sample(30, stack=(("main", APP, 6), ("work", APP, 2)))
    made.sample(40, 50, stack=(("main", APP, 6), ("work", APP, 3), ("parse", LIBRARY, 7)))
    made.sample(60, stack=(("start", LIBRARY, 1),))
    found = functions(made.builder.build())
    assert told(found) == [("main", 5, 0, 15, ""), ("work", 3, 15, 45, "")]  # the trace begins at the first sample
    assert (found.times.tolist(), found.are_calls) == ([2, 3], False)


def test_far_from_samples(made: Made) -> None:
    """A sample stands for no more than three times what they are usually apart."""
    made.sample(10, 20, 30, 500, 510, stack=(("main", APP, 5),))
    assert [row[2:4] for row in told(functions(made.builder.build()))] == [(0, 35), (475, 505)]


def test_parts_of_functions(made: Made) -> None:
    """A lambda or a comprehension goes by the function that it stands in."""
    made.sample(10, 20, stack=(("main", APP, 5), ("<lambda>", APP, 6), ("<listcomp>", APP, 6)))
    made.sample(30, 40, stack=(("other", "/app/other.py", 5), ("<lambda>", APP, 9)))
    assert [row[0] for row in told(functions(made.builder.build()))] == ["main", "<lambda>"]


def test_samples_of_blocks_only(made: Made) -> None:
    """Stacks that were read only while a loop was blocked do not tell where the time went."""
    made.builder.slice(made.track, 0, 100 * MS, "Loop", Category.LOOP)
    made.sample(10, 20, stack=(("main", APP, 5),), source=SampleSource.OBSERVER)
    assert told(functions(made.builder.build())) == []


def test_calls(made: Made) -> None:
    """Of calls a function has its own time and that of libraries, not that of the program's functions that it called."""
    made.call(0, 100, f"main ({APP}:1)")
    made.call(10, 50, f"loads ({LIBRARY}:9)")
    made.call(20, 40, f"hook ({APP}:7)")
    made.call(60, 90, "time.sleep")
    made.call(100, 110, f"main ({APP}:1)")
    found = functions(made.builder.build())
    assert told(found) == [("main", 1, 0, 100, ""), ("hook", 7, 20, 40, "main"), ("main", 1, 100, 110, "")]
    assert (found.times.tolist(), found.are_calls) == ([2, 1], True)


def test_recursion(made: Made) -> None:
    """A function that calls itself is taken from itself, so that it has its time once."""
    made.call(0, 100, f"main ({APP}:1)")
    made.call(10, 50, f"main ({APP}:1)")
    assert [row[4] for row in told(functions(made.builder.build()))] == ["", "main"]


def test_calls_rather_than_samples(made: Made) -> None:
    """Where calls were recorded, samples are not asked."""
    made.call(0, 100, f"main ({APP}:1)")
    made.sample(10, 20, stack=(("other", APP, 5),))
    assert [row[0] for row in told(functions(made.builder.build()))] == ["main"]


def test_nothing(made: Made) -> None:
    """Without samples and calls there are no functions."""
    assert told(functions(made.builder.build())) == []
