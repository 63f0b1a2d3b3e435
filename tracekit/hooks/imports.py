"""Imports: has something done right after a module was imported, so that hooks need not import what the program doesn't use.

Knows nothing of the modules that are waited for.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from tracekit.hooks.patch import Hook

_waiting: dict[str, list[tuple[Hook, Callable[[ModuleType], None]]]] = {}


def when_imported(name: str, hook: Hook, callback: Callable[[ModuleType], None]) -> None:
    """Call `callback(module)` once: now if the module is there, else right after it has been imported.

    What it raises is the failure of its hook, never of the program's `import`. After the hook is gone nothing is called.
    """
    module = sys.modules.get(name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        _call(hook, callback, module)
        return
    _waiting.setdefault(name, []).append((hook, callback))
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _call(hook: Hook, callback: Callable[[ModuleType], None], module: ModuleType) -> None:
    if not hook.gone:
        try:
            callback(module)
        except Exception as error:
            hook.fail(error)


def forget_all() -> None:
    """Wait for nothing any more, and leave the import system as it was found."""
    _waiting.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


class _Finder:
    """Stands first on sys.meta_path, finds nothing itself, and watches the loading of the modules that are waited for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Watched(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _Watched:
    """A loader that calls back once, after the real loader has run, and gives its place back to it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        for hook, callback in _waiting.pop(module.__name__, ()):
            _call(hook, callback, module)
        if not _waiting:
            forget_all()


_finder = _Finder()
