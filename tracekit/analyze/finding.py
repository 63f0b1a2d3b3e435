"""Finding: one thing that a trace shows and its user should know. Knows not how it was found, nor how to show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]

WORST_FIRST: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a report: the check's slug, the sentence with its number, and the cure.

    Attributes:
        slug: the stable name of the kind of finding, as "loop-blocked".
        start_s: when it began, in seconds since the start of the trace.
        duration_s: how long it lasted; of several that are told as one, the longest.
        track: the name of the track that it lies on.
        sentence: what happened, with its numbers.
        advice: what to do about it.
        function: the innermost function of the user's own code that is to blame, as far as was seen; "" where none is.
        file: where that function lies.
        line: the line in it; 0 where it is not known.
        library: other people's code that was seen in between: name, version, function, file, line.
        details: what only this kind of finding has.
    """

    slug: str
    severity: Severity
    start_s: float
    duration_s: float
    track: str
    sentence: str
    advice: str
    function: str = ""
    file: str = ""
    line: int = 0
    library: dict[str, Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The finding as `report --json` prints it: the details beside the common keys, null for what is not known."""
        return {
            "slug": self.slug,
            "severity": self.severity,
            "start_s": self.start_s,
            "duration_s": self.duration_s,
            "track": self.track,
            "sentence": self.sentence,
            "advice": self.advice,
            "function": self.function or None,
            "file": self.file or None,
            "line": self.line or None,
            "library": self.library,
            **self.details,
        }


def urgency(finding: Finding) -> tuple[int, float, float]:
    """A key that sorts findings: the most severe first, then the longest, then the earliest."""
    return WORST_FIRST.index(finding.severity), -finding.duration_s, finding.start_s
