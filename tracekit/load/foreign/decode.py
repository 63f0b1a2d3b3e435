"""Decode: the text of some events -> the events, as dictionaries. Knows JSON and what goes for it, and no kind of event.

A batch is read at once; only where that fails, each event on its own, and leniently: NaN, raw control characters, half of a
surrogate pair and bytes that are no UTF-8 are mended, what is no JSON at all is left out.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import orjson

from tracekit.load.foreign.mended import Mended
from tracekit.load.foreign.scan import BORDER, Batch

_BORDER = re.compile(BORDER.pattern.decode())
_DECODER = json.JSONDecoder()
_PATIENCE = 4  # so often a text is read in vain
_BETWEEN = b", \t\r\n"
_STRANGE = "values among the events that are no events were left out"


def decode(batch: Batch, mended: Mended) -> list[Any]:
    """The events of a batch; whatever else stands among them is counted."""
    begin, end = int(batch.begin[0]), int(batch.end[-1])
    try:
        found = orjson.loads(b"[" + batch.text[begin:end] + b"]")
    except ValueError:
        return _one_by_one(batch, mended)
    events = [event for event in found if type(event) is dict]
    mended.count(_STRANGE, len(found) - len(events))
    return events


def _one_by_one(batch: Batch, mended: Mended) -> list[Any]:
    places = list(zip(batch.begin.tolist(), batch.end.tolist()))
    strange = sum(1 for (_, end), (begin, _) in pairwise(places) if batch.text[end:begin].strip(_BETWEEN))
    found = [event for begin, end in places for event in _events(batch.text[begin:end], mended)]
    events = [event for event in found if type(event) is dict]
    mended.count(_STRANGE, strange + len(found) - len(events))
    return events


def _events(text: bytes, mended: Mended) -> list[Any]:
    """What should be one event; where a bracket of it is broken, there may be others in it."""
    try:
        return [orjson.loads(text)]
    except ValueError:
        pass
    event = _leniently(text, mended)
    if event is not None:
        return [event]
    return _salvaged(text.decode("utf-8", "replace"))


def _salvaged(text: str) -> list[Any]:
    """The events in a text that is none, because a bracket or a quote in it is broken."""
    found: list[Any] = []
    at, spent = 0, 0
    while spent <= _PATIENCE * len(text) and (border := _BORDER.search(text, at)):
        at = border.end()
        try:
            value, end = _DECODER.raw_decode(text, at)
            orjson.dumps(value)  # no half of a pair in it
        except json.JSONDecodeError as error:
            spent += error.pos - border.start()
        except (ValueError, TypeError, RecursionError):
            spent += len(text)
        else:
            at = end - 1  # its last bracket may be where the next border begins
            if "ph" in value:
                found.append(value)
    return found


def _leniently(text: bytes, mended: Mended) -> Any:
    try:
        found = json.loads(text.decode("utf-8", "replace"), strict=False)
        # Through text again, without the halves of pairs that no UTF-8 can hold.
        found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        mended.count("events that are no JSON were left out")
        return None
    mended.count("events that were not quite JSON were mended")
    return found
