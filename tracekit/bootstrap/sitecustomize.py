"""What rides into every Python process of a session: on PYTHONPATH, imported by `site`. Knows only where tracekit lies.

It must parse on any Python there is, and do nothing on one that is not supported. It takes itself off sys.path, joins the
session, and then runs the sitecustomize that would have run without it (Debian's, coverage's, ddtrace's).
"""

import os
import sys


def _leave_path():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry != here]
    sys.path_importer_cache.pop(here, None)
    return here


def _in_main_interpreter():
    """A subinterpreter runs `site` as well, but its process records already."""
    from _signal import set_wakeup_fd

    try:
        set_wakeup_fd(-1)  # nobody has set one yet; what matters is who may
    except ValueError:
        return False
    return True


def _join(here):
    directory = os.environ.get("TRACEKIT_SESSION")
    if not directory or sys.version_info < (3, 10) or sys.implementation.name != "cpython":
        return
    if not os.path.isdir(directory):  # a session that ended while this process was on its way
        return
    if not _in_main_interpreter():
        return
    package = os.path.dirname(here)
    if "tracekit" not in sys.modules:
        # By its place and not by sys.path: this process may belong to another environment, or another version.
        from importlib._bootstrap import _load
        from importlib.machinery import PathFinder

        _load(PathFinder.find_spec("tracekit", [os.path.dirname(package)]))
    from tracekit.sessions import join

    join(directory, os.environ.get("TRACEKIT_OPTIONS", ""))


_here = _leave_path()
try:
    _join(_here)
except Exception:
    _error = sys.exc_info()[1]
    try:
        sys.stderr.write(
            "tracekit: process %d is not traced (%s: %s); it goes on\n" % (os.getpid(), type(_error).__name__, _error)
        )
    except Exception:
        pass

# The next one, outside of our `try`: what it raises, also that there is none, `site` takes as it does without us.
del sys.modules["sitecustomize"]
import sitecustomize  # noqa: E402, F401
