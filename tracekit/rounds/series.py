"""Series: runs of workloads under models, each in a fresh process, one after the other. Starts them, and weighs none."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tracekit.errors import TracekitError
from tracekit.rounds import child
from tracekit.rounds.run import Run, read
from tracekit.rounds.traced import window

if TYPE_CHECKING:
    from tracekit.model.trace import Trace

Say = Callable[[int, int, str], None]

_RATE = 1000  # Hz: what threads are looked at with in the traced run
_KEPT = "; the recording is kept"  # what follows is about a directory that will be gone

TRACED = "traced"  # stands for the workload where a traced run failed


@dataclass
class Series:
    """All runs that are to be made, and those that were.

    Attributes:
        models: in the order in which they are traced.
        timeout_s: a run that takes longer is ended, and has failed.
        say: called before each run with the number of those that are done, of all, and which one it is.
        directory: where the runs may write.
        dice: decides the order of each round.
        total: how many runs there will be, as `say` is told.
        runs: those that worked, by workload and model.
        failed: why a model cannot run a workload, or the traced run of it.
        traced: traces, by model.
    """

    models: Sequence[str]
    timeout_s: float
    say: Say
    directory: str
    dice: random.Random
    total: int = 0
    done: int = 0
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    traced: dict[str, list[Trace]] = field(default_factory=dict)

    @property
    def traces(self) -> dict[str, Trace]:
        """By model, the trace of the run that is in the middle of those that were traced, as to how long they took."""
        return {model: sorted(of, key=_length)[len(of) // 2] for model, of in self.traced.items()}

    def repeat(self, spec: str, scale: float, times: int, name: str, also: Sequence[Callable[[], None]] = ()) -> None:
        """Run a workload under every model so often; each round has another order.

        Args:
            name: of the workload, in `runs` and `failed`.
            also: what else is done once in each round, somewhere in that order.
        """
        for number in range(times):
            acts: list[Callable[[], None]] = list(also)
            acts += [partial(self._round, number, times, spec, scale, name, model) for model in self.models]
            self.dice.shuffle(acts)
            for act in acts:
                act()

    def _round(self, number: int, times: int, spec: str, scale: float, name: str, model: str) -> None:
        self._step(f"{name} under {model}, round {number + 1} of {times}")
        if (name, model) not in self.failed:
            self._once(_command(spec, model, scale, self._out), name, model)

    def trace(self, spec: str, scale: float, name: str, models: Sequence[str]) -> None:
        """Run a workload once more under those of some models that could, traced."""
        for model in models:
            self._step(f"{name} under {model}, traced")
            if (name, model) in self.failed or (TRACED, model) in self.failed:
                continue
            try:
                trace = self._traced(_command(spec, model, scale, self._out), model)
                self.traced.setdefault(model, []).append(trace)
            except (child.Failed, TracekitError) as error:
                self.failed[TRACED, model] = str(error).partition(_KEPT)[0]

    def _step(self, what: str) -> None:
        self.say(self.done, self.total, what)
        self.done += 1

    @property
    def _out(self) -> Path:
        return Path(self.directory, "run.json")

    def _once(self, command: list[str], name: str, model: str) -> None:
        self._out.unlink(missing_ok=True)
        try:
            looks = child.run(command, self.timeout_s)
            self.runs.setdefault((name, model), []).append(read(self._out.read_bytes(), looks))
        except (child.Failed, OSError, ValueError) as error:
            self.failed[name, model] = str(error)

    def _traced(self, command: list[str], model: str) -> Trace:
        from tracekit.load import load

        path = Path(self.directory, f"{model}.json.gz")
        options = ("run", "--quiet", "--rate", str(_RATE), "-o", str(path))
        child.run([command[0], "-m", "tracekit", *options, *command[1:]], self.timeout_s, weighs=False)
        return load(path)


def _length(trace: Trace) -> int:
    begin, end = window(trace)
    return end - begin


def _command(spec: str, model: str, scale: float, out: Path) -> list[str]:
    return [sys.executable, "-m", "tracekit.compare.child", spec, model, repr(scale), str(out)]
