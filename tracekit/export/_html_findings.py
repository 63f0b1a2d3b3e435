"""Findings on the page of a report: each as a card, the worst first. Knows findings, and no trace."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.export._markup import Markup, each, element, joined, text

MARKED = 40  # how many of the first ones the timeline has marks of
_OPEN, _MOST = 12, 200


def findings_as_cards(findings: Sequence[Finding], nothing: str) -> Markup:
    """The section.

    Args:
        nothing: what is said where there is none.
    """
    if not findings:
        return element(
            "section", element("h2", "Findings"), element("p", nothing, class_="finding is-nothing"), id="findings"
        )
    cards = [_card(number, finding) for number, finding in enumerate(findings[:_MOST], 1)]
    more = None
    if len(cards) > _OPEN:
        said = element("summary", f"{len(findings) - _OPEN} more")
        more = element("details", said, *cards[_OPEN:], _left_out(len(findings)))
    return element("section", element("h2", "Findings"), *cards[:_OPEN], more, id="findings")


def _left_out(total: int) -> Markup | None:
    if total <= _MOST:
        return None
    return element(
        "p", f"{total - _MOST} more are left out here; tracekit report --json has all of them.", class_="note"
    )


def _card(number: int, finding: Finding) -> Markup:
    lasted = f" for {_duration(finding.duration_s)}" if finding.duration_s > 0 else ""
    when = f"at {_duration(finding.start_s)}{lasted}"
    head = element(
        "header",
        element("span", f"{number}  {finding.severity}", class_="severity"),
        element("code", finding.slug),
        element("a", when, href=f"#mark-{number}") if number <= MARKED else element("span", when),
        element("span", finding.track) if finding.track else None,
    )
    return element(
        "article",
        head,
        element("p", finding.sentence, class_="said"),
        element("p", _with_code(finding.advice), class_="advice") if finding.advice else None,
        _place(finding),
        class_=f"finding is-{finding.severity}",
        id=f"finding-{number}",
    )


def _with_code(said: str) -> Markup:
    """What stands between backticks as code."""
    parts = said.split("`")
    if len(parts) % 2 == 0:  # one of them has no partner
        return text(said)
    return each(element("code", part) if number % 2 else text(part) for number, part in enumerate(parts))


def _place(finding: Finding) -> Markup | None:
    where = words.place(finding.function, finding.file, finding.line)
    if not where:
        return None
    shown = [element("code", where)]
    if finding.library:
        library = finding.library
        name = f"{library.get('name') or ''} {library.get('version') or ''}".strip()
        inside = words.place(
            str(library.get("function") or ""), str(library.get("file") or ""), int(library.get("line") or 0)
        )
        shown.append(joined(f" in {name}: ", element("code", inside)))
    return element("p", each(shown), class_="place")


def _duration(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
