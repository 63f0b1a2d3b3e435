"""Choice: the hooks that a session asks for, by the names of its options. Knows which there are, and not what they record.

A hook is loaded no earlier than what it hooks: it needs modules that the program may do without.
"""

from __future__ import annotations

from tracekit.hooks.patch import Hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType


def make_hooks(names: Sequence[str], threshold: int, is_flight: bool) -> list[Hook]:
    """The hooks of these names, in their order; not installed yet.

    Args:
        names: out of options.HOOKS and options.ON_REQUEST.
        threshold: ns; of a step longer than this the place where it stopped is recorded.
        is_flight: only the last part is kept; then an unhandled exception is a reason to have it written out.
    """
    from tracekit.hooks.executors import ExecutorsHook
    from tracekit.hooks.gc import GcHook
    from tracekit.hooks.processes import ProcessesHook
    from tracekit.hooks.threads import ThreadsHook

    made = {
        "threads": ThreadsHook,
        "asyncio": lambda: _Later("asyncio", lambda: _make_asyncio(threshold)),
        "trio": lambda: _Later("trio", lambda: _make_trio(threshold)),
        "greenlets": lambda: _Later("greenlet", lambda: _make_greenlets(threshold)),
        "executors": ExecutorsHook,
        "processes": ProcessesHook,
        "gc": GcHook,
        "locks": _make_locks,
    }
    hooks: list[Hook] = [made[name]() for name in names]
    if "processes" in names:
        from tracekit.hooks.ends import EndsHook

        hooks.append(EndsHook())
    if "executors" in names:
        from tracekit.hooks.pools import PoolsHook
        from tracekit.hooks.process_pools import ProcessPoolsHook

        hooks += [ProcessPoolsHook(), PoolsHook()]
    if is_flight:
        from tracekit.hooks.exceptions import ExceptionsHook

        hooks.append(ExceptionsHook())
    return hooks


def _make_locks() -> Hook:
    from tracekit.hooks.locks import LocksHook

    return LocksHook()


class _Later(Hook):
    """Loads hooks once the program has imported what they hook.

    Args:
        module: the package as a whole, not the part of it that is hooked: packages copy names out of their parts.
        make: loads and makes them.
    """

    def __init__(self, module: str, make: Callable[[], list[Hook]]) -> None:
        super().__init__()
        self.name = self._module = module
        self._make = make
        self._hooks: list[Hook] = []

    def install(self) -> None:
        from tracekit.hooks.imports import when_imported

        when_imported(self._module, self, self._install)

    def _install(self, _module: ModuleType) -> None:
        self._hooks = self._make()
        for hook in self._hooks:
            hook.install()

    def remove(self) -> None:
        super().remove()
        for hook in reversed(self._hooks):
            hook.remove()


def _make_asyncio(threshold: int) -> list[Hook]:
    from tracekit.hooks.asyncio import AsyncioHook
    from tracekit.hooks.complaints import ComplaintsHook
    from tracekit.hooks.eager import EagerHook
    from tracekit.hooks.uvloop import UvloopHook

    return [AsyncioHook(threshold), UvloopHook(threshold), EagerHook(threshold), ComplaintsHook()]


def _make_trio(threshold: int) -> list[Hook]:
    from tracekit.hooks.trio import TrioHook

    return [TrioHook(threshold)]


def _make_greenlets(threshold: int) -> list[Hook]:
    from tracekit.hooks.greenlets import GreenletsHook

    return [GreenletsHook(threshold)]
