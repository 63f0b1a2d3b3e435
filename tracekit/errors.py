"""The two errors that tracekit raises on purpose; knows nothing of what raises them.

Every message says what is wrong, why, and what to do next, in one line.
"""

from __future__ import annotations


class TracekitError(Exception):
    """Something that the user can mend: a bad file, a bad path, a session that is already running."""


class UsageError(TracekitError):
    """A command line or a call that cannot be carried out as it stands."""
