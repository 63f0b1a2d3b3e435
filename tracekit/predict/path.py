"""Path: the critical path of a simulated run, walked back from its end: what each stretch of it waited for. Knows no model."""

from __future__ import annotations

from tracekit.predict.parts import STARTING, Stretch
from tracekit.predict.scene import Scene

_FROM_NOWHERE = -1


def path_of(scene: Scene) -> list[Stretch]:
    """From the begin to the end, without a gap; where strands waited for nothing that is known, something was started."""
    time = scene.engine.now
    found: list[Stretch] = []
    if not scene.ends:
        return found
    index = max(scene.ends, key=lambda index: (scene.ends[index], index))
    while index != _FROM_NOWHERE:
        before = scene.freed_by.get(index, _FROM_NOWHERE)
        since = scene.ends[before] if before != _FROM_NOWHERE else 0.0
        for spell in reversed(scene.spells[index]):
            end = min(spell.end, time)
            begin = max(spell.begin, since)
            if end <= begin:
                continue
            _add(found, index, STARTING, time - end)
            part = (end - begin) / (spell.end - spell.begin)
            for word, ns in reversed(spell.parts.items()):
                _add(found, index, word, ns * part)
            time = begin
        _add(found, index, STARTING, time - since)
        time, index = since, before
    found.reverse()
    return found


def _add(found: list[Stretch], strand: int, word: str, ns: float) -> None:
    if ns < 1:
        return
    if found and (found[-1].strand, found[-1].waited_for) == (strand, word):
        ns += found.pop().ns
    found.append(Stretch(strand, word, round(ns)))
