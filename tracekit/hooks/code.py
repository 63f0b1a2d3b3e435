"""Code: what to call a callable or a coroutine, and where it is defined. Knows no hook and no event."""

from __future__ import annotations

import os
from gc import get_referents

from tracekit.record import probes
from tracekit.spool.core import PACKAGE
from tracekit.spool.layout import code_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

# Whose a code is.
USERS = 0
LIBRARYS = 1
WRAPPERS = 2  # around the user's own: by `tk.trace`, and by anyio around what its task groups start
WAITERS = 3  # asyncio's own, which wait for others in asyncio, whose name says more: Condition.wait for Barrier.wait
LOCKS = 4  # Python's own, which wait for a lock, and whose name says what for: Queue.get, Event.wait, Thread.join
STARTERS = 5  # Python's own, which run what a thread or a process was started for: what lies further out is not its
OURS = 6

_LIBRARIES = os.path.dirname(os.__file__) + os.sep, PACKAGE, "<frozen", "<shim"
_PROBES = probes.trace_as.__code__.co_filename  # where the wrappers of coroutines are

_ANYIO = os.path.join("anyio", "_core", "_tasks.py")

_LOCKS = os.path.join("asyncio", "locks.py")
_WAITERS = ("Event.wait", "Condition.wait", "Condition.wait_for")

_LOCKING = tuple(
    os.path.join(os.path.dirname(os.__file__), *path)
    for path in (("threading.py",), ("queue.py",), ("concurrent", "futures", ""), ("multiprocessing", ""))
)
_STARTING = "threading.py", os.path.join("multiprocessing", "process.py")
_STARTERS = ("run", "_bootstrap", "_bootstrap_inner")

_MOST_KNOWN = 10_000
_known_facts: dict[tuple[int, str], tuple[CodeType, tuple[str, int]]] = {}
_known_places: dict[tuple[int, str, int], tuple[CodeType, str]] = {}


def name_of(function: Any) -> str:
    """The qualified name of whatever a callable calls in the end."""
    function = _innermost(function)
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def code_of(function: Any) -> str | None:
    """Function, file and line of a callable as one text of layout.code_text; None for what is not written in Python."""
    function = _innermost(function)
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    if code is None:
        return None
    return code_text(str(getattr(function, "__qualname__", code.co_name)), code.co_filename, code.co_firstlineno)


def started_for(runner: Any) -> str | None:
    """What a Thread or a Process was started for, as `code_of`: its own `run`, else what it was given; None for neither."""
    own = type(runner).run
    code = getattr(own, "__code__", None)
    if code is not None and not is_library(code.co_filename):
        return code_of(own)
    own_fields = vars(runner)
    given = own_fields.get("_target")
    given = own_fields.get("function") if given is None else given  # a Timer's
    try:
        return None if given is None else code_of(given)
    except Exception:  # of an object of the program's that does not like to be asked
        return None


def callback_facts(callback: Any) -> tuple[str | None, str]:
    """`code_of` and `name_of`."""
    return code_of(callback), name_of(callback)


def coroutine_code(coroutine: Any) -> str:
    """Where a coroutine's function is defined, as `code_of`; only its name for coroutines that are not Python's."""
    code = getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)
    if code is not None and _is_wrapper(code):
        # The function that it stands for is what people know.
        if code.co_filename != _PROBES:
            inner = _inside(coroutine)
            if inner is not None:
                return coroutine_code(inner)
        else:
            held = getattr(getattr(coroutine, "cr_frame", None), "f_locals", {})
            code = getattr(held.get("function"), "__code__", code)
    name = str(getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__)
    return code_text(name, "" if code is None else code.co_filename, 0 if code is None else code.co_firstlineno)


def _inside(coroutine: Any) -> Any:
    """The coroutine that anyio's own is around; None where that has let go of it."""
    # Not by the frame's locals: until 3.13 what was asked for stays with the frame, which an exception may keep.
    for held in get_referents(coroutine) + get_referents(getattr(coroutine, "cr_frame", None)):
        inner = getattr(held, "_coro", None) if type(held).__name__ == "TaskHandle" else None
        if inner is not None:
            return inner
    return None


def code_facts(code: CodeType, name: str) -> tuple[str, int]:
    """What is the same for everything that runs this code under this name.

    Returns:
        Where it is defined, as `code_of`, and whose code it is: USERS or one of the others.
    """
    file = code.co_filename
    whose = WRAPPERS if _is_wrapper(code) else _which(code, name) if is_library(file) else USERS
    return code_text(name, file, code.co_firstlineno), whose


def _which(code: CodeType, name: str) -> int:
    """What a library's code is to us."""
    file = code.co_filename
    if file.startswith(PACKAGE):
        return OURS
    if file.startswith(_LOCKING):
        return STARTERS if code.co_name in _STARTERS and file.endswith(_STARTING) else LOCKS
    return WAITERS if name in _WAITERS and file.endswith(_LOCKS) else LIBRARYS


def place_text(code: CodeType, name: str, last: int) -> str:
    """Function, file and line of an instruction as one text of layout.code_text.

    Args:
        last: `f_lasti` of the frame that stands there.
    """
    lines = (line for start, end, line in code.co_lines() if start <= last < end)
    return code_text(name, code.co_filename, next(lines, None) or code.co_firstlineno)


def facts(code: CodeType, name: str) -> tuple[str, int]:
    """`code_facts`, remembered."""
    # Codes are compared by what they contain, which takes long: so they are known by their address, and held.
    key = id(code), name
    known = _known_facts.get(key)
    if known is None:
        if len(_known_facts) > _MOST_KNOWN:
            _known_facts.clear()
        known = _known_facts[key] = code, code_facts(code, name)
    return known[1]


def place(code: CodeType, name: str, last: int) -> str:
    """`place_text`, remembered."""
    key = id(code), name, last
    known = _known_places.get(key)
    if known is None:
        if len(_known_places) > _MOST_KNOWN:
            _known_places.clear()
        known = _known_places[key] = code, place_text(code, name, last)
    return known[1]


def called_at(frame: FrameType | None) -> str:
    """The place of the innermost frame of the user's code, from this one outwards; "" where there is none."""
    while frame is not None:
        code = frame.f_code
        name = getattr(code, "co_qualname", code.co_name)
        if facts(code, name)[1] == USERS:
            return place(code, name, frame.f_lasti)
        frame = frame.f_back
    return ""


def _is_wrapper(code: CodeType) -> bool:
    return code.co_filename == _PROBES or (code.co_name == "_run_coro" and code.co_filename.endswith(_ANYIO))


def is_library(file: str) -> bool:
    """Whether a file of code is not the user's: Python's own library, what was installed, or tracekit."""
    return file.startswith(_LIBRARIES) or "-packages" + os.sep in file


def _innermost(function: Any) -> Any:
    """Looks through partials, the `context.run` that asyncio.to_thread puts around a function, and the chunks of a map."""
    for _ in range(20):
        inner = getattr(function, "func", None)
        if inner is None or not hasattr(function, "keywords"):
            break
        arguments = getattr(function, "args", ())
        called = getattr(inner, "__name__", "")
        runs_other = called == "_process_chunk" or (
            called == "run" and type(getattr(inner, "__self__", None)).__name__ == "Context"
        )
        function = arguments[0] if runs_other and arguments else inner
    return function
