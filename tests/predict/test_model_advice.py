"""What is advised in place of the model that some work ran under, from work laid out by hand. Knows no recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tracekit.model.builder import Builder
from tracekit.model.trace import Pool
from tracekit.predict.found import Found
from tracekit.predict.machine import usual
from tracekit.predict.model_advice import candidates, find
from tracekit.predict.parts import Kind, Piece, StepOf, Strand, Work
from tracekit.predict.predict import predict

MS = 1_000_000
FILE = "/app/app.py"
IF = "If the calls do not depend on each other"


def parts(*kinds: Kind, many: int = 16, file: str = FILE) -> tuple[Strand, ...]:
    """Alike calls, each of 10 ms of each kind of work."""
    steps = (StepOf("digest", file, 3 if file else 0),)
    return (Strand("digest", tuple(Piece(kind, 10 * MS) for kind in kinds), steps=steps, group="digest"),) * many


def found(work: Work) -> Found:
    """What is advised for it, on its cores, where it took as long as simulated."""
    builder, machine = Builder("app.py"), usual(work.cores)
    process = builder.process(10, "app.py", command="python app.py")
    builder.process(11, "sh", command="sh", parent=process, untraced="no Python")  # by whom it was started nobody saw
    if work.workers:
        builder.pools.append(Pool(process, "ThreadPoolExecutor", limit=work.workers, submitted=len(work.strands)))
    (now,) = predict(work, (work.traced_model,), machine)
    work = replace(work, wall_ns=round(now.wall_s * 1e9))
    return find(builder.build(), work, machine, [now, *predict(work, candidates(work), machine)])


@pytest.mark.parametrize("kind", [Kind.GIL, Kind.IO])
def test_calls_may_depend_on_each_other(kind: Kind) -> None:
    """Calls that went on one after another are advised to go on at once only if they may, which nobody said: never surely."""
    (advice,) = found(Work("app.py", parts(kind), cores=2, traced_model="sequential")).advice

    assert advice.change.startswith(f"{IF}, which the trace does not say: run the 16 calls of digest")
    assert advice.confidence == "medium"


def test_calls_of_unknown_place_start_no_programs() -> None:
    """That nobody saw where a program was started does not make those who start it of calls whose place is not known either."""
    (advice,) = found(Work("app.py", parts(Kind.IO, file=""), cores=2, traced_model="sequential")).advice

    assert "subprocess" not in advice.change


def test_steps_say_what_they_depend_on() -> None:
    """Where the program itself said what comes after what, there is no such condition, and no doubt for its sake."""
    (advice,) = found(Work("app.py", parts(Kind.IO), cores=2, traced_model="sequential", exact=True)).advice

    assert IF not in advice.change
    assert advice.confidence == "high"


MOSTLY_FREE = (Kind.FREE, Kind.FREE, Kind.FREE, Kind.IO)


def test_no_more_threads_than_cores_to_compute() -> None:
    """A pool with a thread for each core is fine for what mostly computes, though more could wait while others compute."""
    said = found(Work("app.py", parts(*MOSTLY_FREE, many=64), cores=2, traced_model="thread-pool", workers=2))

    assert said.advice == []
    assert "More threads than cores bring little" in said.fine[0]


def test_more_threads_to_wait() -> None:
    """For what mostly waits a pool is advised to have more threads than cores."""
    (advice,) = found(Work("app.py", parts(Kind.IO), cores=2, traced_model="thread-pool", workers=2)).advice

    assert "`ThreadPoolExecutor(16)` in place of one of 2" in advice.change


@pytest.mark.parametrize(("model", "workers"), [("sequential", 0), ("thread-pool", 1)])
def test_as_many_threads_as_cores_to_compute(model: str, workers: int) -> None:
    """What computes without the GIL on fewer threads than cores is advised to have as many as these."""
    (advice,) = found(Work("app.py", parts(*MOSTLY_FREE), cores=2, traced_model=model, workers=workers)).advice

    assert "ThreadPoolExecutor(2)" in advice.change
