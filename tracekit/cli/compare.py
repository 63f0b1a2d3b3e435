"""`tracekit compare`: runs a workload under each model and tells which fits. Knows what to ask for, to print and to write."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from tracekit.cli.diagnostics import say
from tracekit.errors import TracekitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tracekit.rounds.comparison import Comparison

_PICTURES = (".svg", ".png", ".html")
_INTERRUPTED = 130


@click.command(short_help="Run a workload as threads, as processes, as coroutines, and tell which fits.")
@click.argument("workload", required=False)
@click.option("--list", "list_them", is_flag=True, help="Name the workloads and models that there are.")
@click.option("--models", metavar="A,B", help="Only these, as threads,asyncio. Default: all that work here.")
@click.option("--scale", type=float, default=1.0, metavar="X", help="How much there is to do. Default: 1.")
@click.option("--repeat", type=int, default=5, metavar="N", help="Rounds; each runs every model once. Default: 5.")
@click.option("--seed", type=int, default=0, help="Of the order of the models in each round.", hidden=True)
@click.option(
    "--check-advice",
    is_flag=True,
    help="Predict every model from one traced run of one of them, and print that beside what was measured.",
)
@click.option(
    "--trace-model", metavar="MODEL", help="The one that --check-advice predicts from. Default: sequential, if it ran."
)
@click.option(
    "--controls/--no-controls",
    default=True,
    help="Whether to run pure sleep and pure computing in Python as well, which bound what a model can bring. Default: yes.",
)
@click.option(
    "--timeout",
    default="10min",
    metavar="TIME",
    help="A run that takes longer, as 30s, is ended, and its model failed. Default: 10min.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs.")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="PATH",
    help="Write the timeline of all models under each other (.json, .json.gz, .pftrace), a picture of their lanes (.svg, "
    ".png), or a page with all of it (.html); may be given several times.",
)
def command(
    workload: str | None,
    list_them: bool,
    models: str | None,
    scale: float,
    repeat: int,
    seed: int,
    check_advice: bool,
    trace_model: str | None,
    controls: bool,
    timeout: str,
    as_json: bool,
    outputs: tuple[str, ...],
) -> None:
    """Run WORKLOAD under every model of concurrency, and say which fits, by how much, and at what price.

    WORKLOAD is the name of a built-in one (--list), a file (jobs.py, jobs.py:name) or a module (mypkg.jobs:name); how to write
    one: python -m pydoc tracekit.workload. The models are run in turn, each run in a fresh process, in rounds, so that what
    disturbs the machine disturbs all; then once more, traced.

    \b
    Examples:
      tracekit compare article
      tracekit compare article -o article.svg -o article.json.gz
      tracekit compare jobs.py --models sequential,threads,asyncio --scale 0.1
      tracekit compare mypkg.jobs:workload --check-advice --json | jq .fastest
    """
    if list_them:
        _list()
        return
    if not workload:
        raise UsageError("nothing to compare; name a workload, as `tracekit compare article` (--list names all)")
    if trace_model and not check_advice:
        raise UsageError("--trace-model says what --check-advice predicts from; add --check-advice, or leave it out")
    from tracekit.units import parse_duration

    for path in outputs:
        _check(path)
    chosen = [name.strip() for name in (models or "").split(",") if name.strip()]
    if models is not None and not chosen:
        raise UsageError(f"--models {models!r} names none; name some, as --models sequential,threads,asyncio")
    if trace_model:
        _check_model(trace_model)
    asked = {
        "models": chosen,
        "scale": scale,
        "repeat": repeat,
        "seed": seed,
        "controls": controls,
        "predicted_from": (trace_model or "") if check_advice else None,
        "timeout_s": parse_duration(timeout) / 1e9,
    }
    comparison = _measured(workload, asked)
    if not comparison.measured:
        raise TracekitError(f"no model could run {workload}; {comparison.rows[0].model}: {comparison.rows[0].failed}")
    _show(comparison, as_json, outputs)
    for path in outputs:
        _write(comparison, Path(path))


def _check_model(name: str) -> None:
    from tracekit.compare.models import get

    get(name)  # complains where there is none


def _list() -> None:
    from tracekit.compare.find import builtins
    from tracekit.compare.models import MODELS, get

    missing = {name: get(name).missing() for name in MODELS}
    formatter = click.HelpFormatter(width=100)
    with formatter.section("Workloads"):
        formatter.write_dl(list(builtins().items()))
    with formatter.section("Models"):
        formatter.write_dl([(name, why and f"not here: {why}") for name, why in missing.items()])
    click.echo(formatter.getvalue(), nl=False)


def _measured(workload: str, asked: dict[str, Any]) -> Comparison:
    from tracekit.cli.progress import steps
    from tracekit.rounds.compare import compare

    with _ending_with_us(), steps(f"comparing {workload}") as told:
        try:
            return compare(workload, say=_Left(told).say, **asked)
        except KeyboardInterrupt:
            pass
        except _Ended as ended:
            raise SystemExit(128 + ended.number) from None
    say("interrupted", "interrupted; the run that was under way was ended, and nothing was written")
    raise SystemExit(_INTERRUPTED)


class _Ended(BaseException):
    """Somebody ends us by a signal; no SystemExit, which a workload's module may raise as well."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Left:
    """Says how far it is, and how long it may go on: as long a run as those that were."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._begun = time.monotonic()

    def say(self, done: int, total: int, what: str) -> None:
        """A run begins."""
        left = (time.monotonic() - self._begun) / done * (total - done) if done else 0.0
        remains = f", about {_rough(left)} left" if done > 2 and left >= 1 else ""
        self._told(f"{done} of {total} runs{remains}: {what}")


def _rough(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextmanager
def _ending_with_us() -> Iterator[None]:
    """Whoever ends us ends the run that is under way."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise _Ended(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(path: str) -> None:
    """Complain of what cannot be written before anything is run for it."""
    from tracekit.spool.directory import OUTPUTS, check_output

    if not path.endswith((*_PICTURES, *OUTPUTS)):
        raise UsageError(f"cannot write {path}: its name must end in {', '.join((*OUTPUTS, *_PICTURES))}")
    check_output(str(Path(path).with_suffix(".json")) if path.endswith(_PICTURES) else path)
    if path.endswith(".png"):
        from tracekit.export.lanes import check_png

        check_png()


def _write(comparison: Comparison, path: Path) -> None:
    if path.suffix == ".html":
        from tracekit.export.comparison_html import write as write_page

        write_page(comparison, path)
        return
    if path.name.endswith(_PICTURES):
        from tracekit.export.lanes import png, svg

        picture = png(comparison) if path.suffix == ".png" else svg(comparison).encode()
        try:
            path.write_bytes(picture)
        except OSError as error:
            raise TracekitError(f"cannot write {path}: {error.strerror}; choose another place with -o") from None
        return
    if comparison.trace is None:
        say("not-written", f"{path} is not written: no run could be traced", "warning")
        return
    from tracekit.analyze import analyze
    from tracekit.export.write import write

    write(comparison.trace, analyze(comparison.trace), path)


def _show(comparison: Comparison, as_json: bool, outputs: Sequence[str]) -> None:
    if as_json:
        from tracekit.export.comparison_json import text

        sys.stdout.buffer.write(text(comparison))
        sys.stdout.buffer.flush()
        return
    from tracekit.export.comparison import next_steps, render
    from tracekit.export.page import page

    console = page(sys.stdout)
    render(comparison, console)
    next_steps(comparison, console, _typed(), outputs)


def _typed() -> str:
    """The command as it was typed, without where to write to."""
    words = iter(sys.argv[1:])
    kept = []
    for word in words:
        if word in ("-o", "--output"):
            next(words, None)
        elif not word.startswith(("-o", "--output=")):
            kept.append(shlex.quote(word))
    return f"tracekit {' '.join(kept)}"
