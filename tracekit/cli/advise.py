"""`tracekit advise`: tells what another model would bring. Knows how to load, ask and print, and nothing in between."""

from __future__ import annotations

import sys

import click

from tracekit.cli.threshold import threshold_option


@click.command(short_help="Tell what another model would bring: what to change, where, and how sure that is.")
@click.argument("trace")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs.")
@click.option(
    "--measure",
    is_flag=True,
    help="Measure what starting threads and processes costs here, in about a second, rather than taking what is usual.",
)
@threshold_option
def command(trace: str, as_json: bool, measure: bool, threshold: str) -> None:
    """Tell what to change in the program of TRACE: threads, processes or coroutines, where, what it brings and what it costs.

    One recommendation for each hot spot, that which brings most first; what is fine as it is; what cannot be told, and what to
    record to tell it. What it brings is simulated from the trace.

    \b
    Examples:
      tracekit advise traces/app.json.gz
      tracekit advise app.json --json | jq '.advice[].change'
    """
    from tracekit.cli.progress import progress
    from tracekit.export.advice import render
    from tracekit.export.advice_json import as_object
    from tracekit.export.page import page
    from tracekit.load import load
    from tracekit.predict import machine
    from tracekit.predict.advice import advise
    from tracekit.units import parse_duration

    threshold_ns = parse_duration(threshold)
    with progress(f"reading {trace}") as done:
        loaded = load(trace, done)
    with progress("simulating"):
        counsel = advise(loaded, machine.measure() if measure else None, threshold_ns)
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(as_object(counsel), option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.buffer.flush()
    else:
        render(counsel, page(sys.stdout))
