"""Patches: attributes replaced and put back, and hooks that fail taken out. Knows nothing of what is hooked."""

from __future__ import annotations

from tracekit.record import recorder as recording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Hook:
    """What hooks have in common: the attributes they replaced, and how they end.

    A hook's own code runs inside the program. Wherever it may fail it is guarded by

        except Exception as error:
            self.fail(error)

    which takes the hook out and says so once; the program goes on.
    """

    name = ""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self.gone = False  # removed: whatever of it is still called does nothing

    def install(self) -> None:
        """Put the hook in, or have it put in as soon as the module that it hooks is imported."""
        raise NotImplementedError

    def remove(self) -> None:
        """Put back everything that was replaced, latest first. What somebody else has replaced since stays theirs."""
        self.gone = True
        while self._replaced:
            owner, attribute, replacement, original = self._replaced.pop()
            if owner.__dict__.get(attribute) is replacement:
                setattr(owner, attribute, original)

    def replace(self, owner: Any, attribute: str, make: Callable[[Any], Any]) -> None:
        """Replace `owner.attribute` by what `make` makes of it; nothing happens where there is no such attribute.

        Args:
            owner: a module or a class; the attribute must be its own, not inherited. A static method stays one.
            make: takes the original, returns a function.
        """
        original = owner.__dict__.get(attribute)
        if (
            original is None
            or self.gone
            or any(owner is mine and attribute == name for mine, name, *_ in self._replaced)
        ):
            return
        if any(original is replacement for _, _, replacement, _ in self._replaced):
            original = original.__wrapped__  # copied by `from module import name` after we replaced it there
        static = isinstance(original, staticmethod)
        function = original.__func__ if static else original
        replacement = make(function)
        replacement.__wrapped__ = function
        for copied in ("__module__", "__name__", "__qualname__", "__doc__"):
            try:
                setattr(replacement, copied, getattr(function, copied))
            except AttributeError:
                pass
        if static:
            replacement = staticmethod(replacement)
        setattr(owner, attribute, replacement)
        self._replaced.append((owner, attribute, replacement, original))

    def fail(self, error: BaseException) -> None:
        """Take the hook out after it failed, and say so once; can itself not fail."""
        if self.gone:
            return
        try:
            self.remove()
            text = f"the {self.name} hook failed and was removed ({type(error).__name__}: {error}); the program goes on"
            recorder = recording.current
            if recorder is None:
                recording.tell(text)
            else:
                recorder.note(text)
        except Exception:  # the last resort: the program matters more than our word
            pass
