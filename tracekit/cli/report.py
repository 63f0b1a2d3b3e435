"""`tracekit report`: says what a trace shows. Knows how to load, analyze and print, and nothing in between."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tracekit.cli.diagnostics import say
from tracekit.cli.threshold import threshold_option


@click.command(short_help="Say what a trace shows: findings, then tables.")
@click.argument("trace")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, for programs.")
@click.option(
    "--html",
    "as_html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="One page for a browser, with a timeline; it holds all that it needs and fetches nothing.",
)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="RULE",
    help='Exit with 1 where a finding breaks the rule, like "loop-blocked>100ms"; may be given several times.',
)
@threshold_option
def command(trace: str, as_json: bool, as_html: Path | None, fail_on: tuple[str, ...], threshold: str) -> None:
    """Say what TRACE shows: findings first, the worst first, then tables of processes, threads, loops and tasks.

    TRACE is a file that `tracekit run` wrote, or a session (STEM.tracekit).

    \b
    Examples:
      tracekit report traces/app.json.gz
      tracekit report app.json --json | jq .findings
      tracekit report app.json --html app.html
      tracekit report app.json --fail-on "loop-blocked>100ms"
    """
    from tracekit.analyze import analyze
    from tracekit.analyze.rules import broken, parse
    from tracekit.analyze.rules import threshold as threshold_for
    from tracekit.cli.progress import progress
    from tracekit.export.html import write
    from tracekit.export.page import page
    from tracekit.export.report import render
    from tracekit.export.report_json import text
    from tracekit.load import load
    from tracekit.units import parse_duration

    rules = [parse(text) for text in fail_on]
    with progress(f"reading {trace}") as done:
        loaded = load(trace, done)
    # A rule below the threshold must be able to find what it forbids.
    shortest = threshold_for(rules, parse_duration(threshold))
    findings = analyze(loaded, shortest)
    if as_html is not None:
        write(loaded, findings, as_html, shortest)
        say("page-written", f"wrote {as_html}; open it in a browser", path=str(as_html))
    if as_json:
        sys.stdout.buffer.writelines(text(loaded, findings))
        sys.stdout.buffer.flush()
    elif as_html is None:
        render(loaded, findings, page(sys.stdout), threshold_ns=shortest)
    complaints = broken(rules, findings)
    for complaint in complaints:
        say("rule-broken", complaint, "error")
    if complaints:
        raise SystemExit(1)
