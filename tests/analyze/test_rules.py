"""Rules that a build fails on: what they accept, what breaks them. Knows findings by slug and duration alone."""

from __future__ import annotations

import pytest

from tracekit.analyze.finding import Finding
from tracekit.analyze.questions import SLUGS, THRESHOLD_NS
from tracekit.analyze.rules import broken, parse, threshold
from tracekit.errors import UsageError


def block(duration_s: float) -> Finding:
    return Finding("loop-blocked", "warning", 0.0, duration_s, "MainThread", f"It took {duration_s} s.", "Await.")


def test_rules() -> None:
    """A rule is a slug, with or without a limit."""
    assert (parse("loop-blocked>100ms").slug, parse("loop-blocked>100ms").limit_ns) == ("loop-blocked", 100_000_000)
    assert parse(" loop-blocked > 0.1 s ").limit_ns == 100_000_000
    assert parse("loop-blocked").limit_ns is None


@pytest.mark.parametrize("text", ["", ">1s", "loop-blocked>", "loop-blocked<1s", "loop-blocked>1", "LOOP"])
def test_no_rules(text) -> None:
    """Anything else is refused."""
    with pytest.raises(UsageError):
        parse(text)


def test_an_unknown_slug_is_refused() -> None:
    """A rule that no finding could ever break is a mistake, and the message says which slugs there are."""
    with pytest.raises(UsageError, match=r"'lop-blocked'.*loop-blocked"):
        parse("lop-blocked>1s")


def test_broken() -> None:
    """A rule is broken by longer findings, not by one exactly as long; the sentence tells how many and the worst."""
    rules = [parse("loop-blocked>100ms")]
    assert broken(rules, []) == []
    assert broken(rules, [block(0.1)]) == []
    assert broken(rules, [block(0.2), block(0.3), block(0.05)]) == [
        "loop-blocked>100ms: broken by 2 findings, at worst 300 ms. It took 0.3 s."
    ]


def test_without_a_limit_any_finding_breaks_it() -> None:
    """A bare slug forbids the finding altogether."""
    assert len(broken([parse("loop-blocked")], [block(0.0)])) == 1


def test_a_rule_is_looked_for_closely_enough() -> None:
    """A limit below the threshold lowers the threshold; one above it does not raise it."""
    assert threshold([parse("loop-blocked>10ms"), parse("loop-blocked")]) == 10_000_000
    assert threshold([parse("loop-blocked>10s")]) == THRESHOLD_NS
    assert threshold([]) == THRESHOLD_NS


def test_a_rule_for_something_else_changes_nothing() -> None:
    """Only what is said of blocks depends on the threshold: a limit for anything else does not bring up shorter blocks."""
    assert threshold([parse("task-pending>1ms")]) == THRESHOLD_NS


@pytest.mark.parametrize("slug", SLUGS)
def test_every_finding_can_be_forbidden(slug) -> None:
    """There is a rule for every finding, and several rules are kept one by one."""
    found = Finding(slug, "warning", 0.0, 2.0, "t", "It was found.", "Mend it.")
    assert broken([parse(slug)], [found]) == [f"{slug}: broken by 1 finding, at worst 2.00 s. It was found."]
    assert len(broken([parse(slug), parse(f"{slug}>1s"), parse(f"{slug}>3s")], [found])) == 2
