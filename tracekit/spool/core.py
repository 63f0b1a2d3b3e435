"""Core: which of the two cores writes the records of this process, the one in C or the one in Python, and why.

TRACEKIT_CORE=c or py asks for one; without it the C core is taken where there is one. The two behave alike.
"""

from __future__ import annotations

import os
import sys

from tracekit.spool import buffer, mapping, names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "TRACEKIT_CORE"
# Changes with whatever the two cores and the rest must agree on: an extension that was built before is not loaded.
CORE_BUILD = 8


class Core:
    """The choice.

    Attributes:
        name: "c" or "py".
        why: one sentence.
        fast: the extension module, or None.
        missing: C was asked for, and is not there.
    """

    def __init__(self, asked: str) -> None:
        self.fast: Any = None
        self.missing = False
        if asked == "py":
            self.why = f"{VARIABLE}=py asks for it"
        else:
            try:
                import tracekit._fast as fast  # type: ignore[import-not-found, unused-ignore]
            except ImportError as error:
                self.missing = asked == "c"
                self.why = f"the C core cannot be loaded ({error}); install a C compiler and tracekit again"
            else:
                if getattr(fast, "__build__", 0) == CORE_BUILD:
                    self.fast = fast
                    self.why = f"{VARIABLE}=c asks for it" if asked == "c" else "it is there"
                else:
                    self.missing = asked == "c"
                    self.why = "the C core was built for another version of tracekit; install tracekit again"
            if asked not in ("", "c"):
                self.why += f"; {VARIABLE}={asked} is neither c nor py"
        self.name = "py" if self.fast is None else "c"


# The folder of the package, as its code objects spell it.
PACKAGE = Core.__init__.__code__.co_filename.removesuffix("core.py").rstrip("/").removesuffix("spool")

core = Core(os.environ.get(VARIABLE, ""))
if core.missing:
    try:
        sys.stderr.write(f"tracekit: {VARIABLE}=c, but {core.why}; recording in Python\n")
    except Exception:  # no stderr: the program matters more than our word
        pass

Buffer: type[buffer.Buffer] = buffer.Buffer if core.fast is None else core.fast.Buffer
Names: type[names.Names] = names.Names if core.fast is None else core.fast.Names
pair = buffer.pair if core.fast is None else core.fast.pair
switch = buffer.switch if core.fast is None else core.fast.switch
map_words = mapping.map_words if core.fast is None else core.fast.map_words
