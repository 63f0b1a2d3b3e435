"""Findings on the page of a report: each as a card, the worst first. Knows findings, and no trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.export._markup import Markup, each, element, joined, shortened, text

MARKED = 40  # how many of the first ones the timeline has marks of
_OPEN, _MOST = 12, 200
_LONGEST = 100  # characters of a name
_WAITED = 10  # of those who waited, those that are named


def findings_as_cards(findings: Sequence[Finding], nothing: str, whole_s: float) -> Markup:
    """The section.

    Args:
        nothing: what is said where there is none.
        whole_s: how long the trace is, in seconds.
    """
    if not findings:
        return element(
            "section", element("h2", "Findings"), element("p", nothing, class_="finding is-nothing"), id="findings"
        )
    cards = [_card(number, finding, whole_s) for number, finding in enumerate(findings[:_MOST], 1)]
    more = None
    if len(cards) > _OPEN:
        said = element("summary", f"{len(findings) - _OPEN:,} more")
        more = element("details", said, *cards[_OPEN:], _left_out(len(findings)))
    return element("section", element("h2", "Findings"), *cards[:_OPEN], more, id="findings")


def _left_out(total: int) -> Markup | None:
    if total <= _MOST:
        return None
    return element(
        "p", f"{total - _MOST:,} more are left out here; tracekit report --json has all of them.", class_="note"
    )


def _card(number: int, finding: Finding, whole_s: float) -> Markup:
    when = _when(finding, whole_s)
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
        _more(finding),
        class_=f"finding is-{finding.severity}",
        id=f"finding-{number}",
    )


def _when(finding: Finding, whole_s: float) -> str:
    """When it was, and how long; what is longer than the rest of the trace is a sum, of several threads."""
    begin, lasted = _duration(finding.start_s), _duration(finding.duration_s)
    if finding.duration_s <= 0:
        return f"at {begin}"
    if finding.start_s + finding.duration_s > whole_s * 1.001:
        return f"from {begin} on, {lasted} in all"
    return f"at {begin} for {lasted}"


def _with_code(said: str) -> Markup:
    """What stands between backticks as code."""
    parts = said.split("`")
    if len(parts) % 2 == 0:  # one of them has no partner
        return text(said)
    return each(element("code", part) if number % 2 else text(part) for number, part in enumerate(parts))


def _place(finding: Finding) -> Markup | None:
    """Where it is in the code, unless the sentence says all of that."""
    where = words.place(finding.function, finding.file, finding.line)
    if not where or (where in finding.sentence and not finding.library):
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


def _more(finding: Finding) -> Markup | None:
    """The stack that was seen, and who had to wait, for those who want to know; nothing where there is no more of it."""
    frames = [_frame(frame) for frame in finding.details.get("stack") or ()]
    waited = [delay for delay in finding.details.get("delayed") or () if "task" in delay]
    delayed = [_delay(delay) for delay in waited[:_WAITED]]
    if len(frames) < 2 and not delayed:
        return None
    said, parts = [], []
    if len(frames) > 1:
        said.append("stack, the innermost call first")
        parts += frames
    if delayed:
        said.append("who waited, and how long")
        many = max(finding.details.get("delayed_count", 0), len(waited)) - len(delayed)
        parts.append(element("p", words.listed(delayed) if not many else f"{', '.join(delayed)} and {many:,} more"))
    return element("details", element("summary", "; ".join(said)), *parts)


def _frame(frame: dict[str, Any]) -> Markup:
    where = words.place(str(frame.get("function") or ""), str(frame.get("file") or ""), int(frame.get("line") or 0))
    return element("div", element("code", where))


def _delay(delay: dict[str, Any]) -> str:
    by = delay.get("by_s")
    name = shortened(str(delay["task"]), _LONGEST) if str(delay["task"]).strip() else "(no name)"
    return f"{name} ({'not known' if by is None else _duration(by)})"


def _duration(seconds: float) -> str:
    return words.duration(round(seconds * 1e9))
