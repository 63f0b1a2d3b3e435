"""`tracekit check`: tells whether a trace is sound. Knows how to load and what the model calls sound."""

from __future__ import annotations

import click


@click.command(short_help="Tell whether a trace is sound.")
@click.argument("trace")
def command(trace: str) -> None:
    """Tell whether TRACE (a file or a session) is sound: slices nest, arrows point forwards, times add up, every
    reference leads somewhere.

    Prints what is wrong, a line each, and exits with 1; notes on what is missing are no faults.
    """
    from tracekit.cli.progress import progress
    from tracekit.load import load
    from tracekit.model.check import check

    with progress(f"reading {trace}") as done:
        loaded = load(trace, done)
    for note in loaded.notes:
        click.echo(f"note: {note}")
    problems = check(loaded)
    for problem in problems:
        click.echo(problem)
    if problems:
        click.echo(f"{trace}: {len(problems)} {'fault' if len(problems) == 1 else 'faults'}")
        raise SystemExit(1)
    click.echo(
        f"{trace}: sound ({len(loaded.slices)} slices, {len(loaded.instants)} instants, {len(loaded.flows)} arrows, "
        f"{len(loaded.processes)} processes, {len(loaded.threads)} threads, {len(loaded.tasks)} tasks)"
    )
