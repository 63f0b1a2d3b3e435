"""What a trace tells: questions asked of it, one a file, and plain tables. Knows no file format and prints nothing."""

from tracekit.analyze.finding import Finding
from tracekit.analyze.questions import SLUGS, THRESHOLD_NS, analyze

__all__ = ["SLUGS", "THRESHOLD_NS", "Finding", "analyze"]
