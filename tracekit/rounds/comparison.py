"""Comparison: one workload under several models, as numbers that were measured. Knows no run, no trace file and no table.

What was not measured, or cannot be told, is None: nothing here stands for a number that nobody has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracekit.model.trace import Trace
    from tracekit.predict.parts import Prediction

BASE = "sequential"
# Models whose tasks compute on one thread, and those that compute in Python on as many cores as there are.
ONE_CORE = frozenset({"sequential", "asyncio", "gevent", "trio"})
ALL_CORES = frozenset({"processes", "process-pool", "asyncio+processes", "interpreters"})

Part = tuple[float, float, str, str]


@dataclass(frozen=True)
class Lane:
    """What a task did, and when; seconds since the model's run began.

    Attributes:
        task: its name; of a poll too.
        parts: begin, end, kind ("compute", "io", "sleep", "poll") and name of each step, in the order of their begin. A poll's
            part begins when it was due and ends when it was looked at: it is as long as the poll was late.
    """

    task: str
    parts: list[Part]

    @property
    def is_poll(self) -> bool:
        """Whether this is the lane of a poll."""
        return any(kind == "poll" for _, _, kind, _ in self.parts)


@dataclass
class Row:
    """A model: what its runs took.

    Attributes:
        model: its name, as in `compare.models.MODELS`.
        wall_s: the median of `walls`.
        walls: wall time of each run, in the order of the rounds.
        speedup: the median over the rounds of sequential's wall time divided by this model's.
        speedup_low, speedup_high: an interval for that median, as `statistics.interval` gives it; None with a single round.
        cpu_s: processor time of all its processes; the median, like all that follows down to `preemptions`.
        parallelism: how many steps were under way on average, those that wait among them.
        cores_used: processor time divided by wall time.
        peak_pss_bytes: the most memory that all its processes took together, shared pages divided among them.
        startup_s: from the begin of the run to the begin of the first step.
        poll_p50_s, poll_p99_s, poll_worst_s: lateness of the polls of all runs against the time at which they were due.
        blocks: steps of an event loop that were longer than the threshold, in the traced run.
        block_worst_s: the longest of them.
        gil_wait_s: what threads waited for the GIL, in the traced run.
        switches: of context, of all threads; `preemptions`, those of them that were not of their own accord.
        same_order: share of pairs of runs whose events came in the same order, 0..1; None with a single run.
        same_results: whether all its runs returned what sequential's did; None where those did not run, or differ themselves.
        disorder: share of neighbouring events of one run that another run has the other way round, on average over the
            pairs of runs, 0..1.
        failed: why it could not be measured, in one line; "" if it could.
        lanes: of the run whose wall time is the median, polls last.
        trace: of the traced run.
        predicted: from the traced run of another model, or of this one.
    """

    model: str
    wall_s: float | None = None
    walls: list[float] = field(default_factory=list)
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    cpu_s: float | None = None
    parallelism: float | None = None
    cores_used: float | None = None
    peak_pss_bytes: int | None = None
    startup_s: float | None = None
    poll_p50_s: float | None = None
    poll_p99_s: float | None = None
    poll_worst_s: float | None = None
    blocks: int | None = None
    block_worst_s: float | None = None
    gil_wait_s: float | None = None
    switches: int | None = None
    preemptions: int | None = None
    same_order: float | None = None
    disorder: float | None = None
    same_results: bool | None = None
    failed: str = ""
    lanes: list[Lane] = field(default_factory=list)
    trace: Trace | None = None
    predicted: Prediction | None = None


@dataclass(frozen=True)
class Gain:
    """A speed-up against sequential, of a few runs.

    Attributes:
        median: over the rounds, each against sequential in the same round.
        least: sequential's fastest run against the slowest one of the model.
        most: the other way round.
    """

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Bound:
    """What a model brings where there is nothing but one kind of work.

    Attributes:
        model: its name.
        sleeps: where all tasks only sleep; None if it was not measured.
        computes: the same where all tasks only compute, in Python.
    """

    model: str
    sleeps: Gain | None
    computes: Gain | None

    @property
    def sleeping(self) -> float | None:
        """The median speed-up where all tasks only sleep."""
        return self.sleeps.median if self.sleeps else None

    @property
    def computing(self) -> float | None:
        """The median speed-up where all tasks only compute."""
        return self.computes.median if self.computes else None


@dataclass
class Comparison:
    """What `rounds.compare` returns.

    Attributes:
        workload: its name.
        about: the first line of its docstring; "" if it has none.
        cores: processors that it could use.
        python: version of the interpreter, "3.11.9".
        scale: what the workload was called with.
        repeat: how often each model ran.
        polls_every_s: period of each poll, by name.
        rows: in the order of `compare.models.MODELS`, those that failed too.
        controls: what bounds each model; empty if they were skipped.
        results_alike: whether all models returned the same; None if fewer than two ran.
        traced_model: the one whose traced run the predictions are from; "" if there are none.
        trace: the traced runs of all models on one timeline, each under its own name; None if none was traced.
        notes: what was not measured, and why.
    """

    workload: str
    about: str
    cores: int
    python: str
    scale: float
    repeat: int
    polls_every_s: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    controls: list[Bound] = field(default_factory=list)
    results_alike: bool | None = None
    traced_model: str = ""
    trace: Trace | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def has_gil(self) -> bool:
        """Whether threads of one process compute in turn; a Python without a GIL has a version that ends in "t"."""
        return not self.python.endswith("t")

    @property
    def measured(self) -> list[Row]:
        """The models that ran, the fastest first."""
        ran = [row for row in self.rows if row.wall_s is not None and not row.failed]
        return sorted(ran, key=lambda row: row.wall_s or 0.0)
