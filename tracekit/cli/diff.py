"""`tracekit diff`: tells what changed between two traces. Knows how to load, compare and print, and nothing in between."""

from __future__ import annotations

import sys

import click

from tracekit.cli.threshold import threshold_option


@click.command(short_help="Tell what changed between two traces of a program.")
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs.")
@threshold_option
def command(before: str, after: str, as_json: bool, threshold: str) -> None:
    """Tell what changed from BEFORE to AFTER, two traces of a program: what changed beyond noise first.

    How long it took, its tasks, jobs, threads and spans by name (how many there were, and how long each took, on the mean), what
    blocked an event loop, what was waited for, where the time went. Two traces of different programs are
    compared as far as their names agree.

    \b
    Examples:
      tracekit diff before.json.gz after.json.gz
      tracekit diff before.json.gz after.json.gz --json | jq '.summary[]'
    """
    from tracekit.analyze.difference import difference
    from tracekit.cli.progress import progress
    from tracekit.export.difference import render
    from tracekit.export.difference_json import as_object
    from tracekit.export.page import page
    from tracekit.load import load
    from tracekit.units import parse_duration

    threshold_ns = parse_duration(threshold)
    with progress(f"reading {before}") as done:
        old = load(before, done)
    with progress(f"reading {after}") as done:
        new = load(after, done)
    found = difference(old, new, threshold_ns)
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(as_object(found), option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.buffer.flush()
    else:
        render(found, page(sys.stdout))
