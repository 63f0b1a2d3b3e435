"""Rules that a build can fail on, such as "loop-blocked>100ms". Knows the slugs of findings, not what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tracekit.analyze import loop_blocked, words
from tracekit.analyze.finding import Finding
from tracekit.analyze.questions import SLUGS, THRESHOLD_NS
from tracekit.errors import UsageError
from tracekit.units import parse_duration

_RULE = re.compile(r" *([a-z][a-z-]*) *(?:> *(.*?))? *")


@dataclass(frozen=True, slots=True)
class Rule:
    """Broken by a finding of this slug that lasts longer than `limit_ns`; any finding of it, where that is None."""

    text: str
    slug: str
    limit_ns: int | None


def parse(text: str) -> Rule:
    """The rule that `text` says: SLUG, or SLUG>DURATION.

    Raises:
        UsageError: it is no rule, or no finding has this slug.
    """
    match = _RULE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no rule: write a finding and, if you like, a limit, as loop-blocked>100ms")
    slug, limit = match.groups()
    if slug not in SLUGS:
        raise UsageError(
            f"no finding is called {slug!r}, so the rule {text!r} could never fail: there are {', '.join(SLUGS)}"
        )
    return Rule(text.strip(), slug, None if limit is None else parse_duration(limit))


def threshold(rules: Iterable[Rule], default_ns: int = THRESHOLD_NS) -> int:
    """The threshold to analyze with, so that no rule is kept only because nobody looked closely enough for blocks."""
    limits = [rule.limit_ns for rule in rules if rule.slug == loop_blocked.SLUG and rule.limit_ns is not None]
    return min([default_ns, *limits])


def broken(rules: Iterable[Rule], findings: Iterable[Finding]) -> list[str]:
    """A sentence for each rule that a finding breaks: how often, and by what at worst."""
    findings = list(findings)
    return [_sentence(rule, against) for rule in rules if (against := _against(rule, findings))]


def _against(rule: Rule, findings: list[Finding]) -> list[Finding]:
    limit = -1.0 if rule.limit_ns is None else rule.limit_ns / 1e9
    return [finding for finding in findings if finding.slug == rule.slug and finding.duration_s > limit]


def _sentence(rule: Rule, against: list[Finding]) -> str:
    worst = max(against, key=lambda finding: finding.duration_s)
    times = words.count(len(against), "finding")
    return f"{rule.text}: broken by {times}, at worst {words.duration(round(worst.duration_s * 1e9))}. {worst.sentence}"
