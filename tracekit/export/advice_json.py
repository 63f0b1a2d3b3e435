"""Advice as one JSON object, for scripts: stable keys, durations in seconds. Knows no trace and no text but what it is given.

    schema      1; it grows when a key changes its meaning, not when one is added
    program     what was run
    wall_s      how long it took
    cores       that it might use
    now         the model that it ran under (sequential, threads, thread-pool, process-pool, asyncio, asyncio+threads, …)
    bound       what bounds the time now: seconds of the longest chain of work by what they went into
    advice      a recommendation for each hot spot, that which brings most first: hot (name, file, line, kind, seconds, share of
                wall_s), now, model (null where none helps), change, brings, why (a sentence or two each), wall_before_s,
                wall_after_s, gain_s, gain_low_s, gain_high_s (between which it lies likely), late_before_s and late_after_s (how
                long whoever was due waited at worst), costs (a sentence each), confidence (high, medium, low), to_be_sure (what
                to record to know better)
    fine        what is right as it is, a sentence each
    unknown     what cannot be told, and what to record to tell it, a sentence each
    models      the same work under the model that it ran under and under those that it might be changed to, as simulated: model,
                wall_s, low_s, high_s, bound (as above), why
    notes       what was taken for granted, a sentence each

What cannot be told is null.
"""

from __future__ import annotations

from typing import Any

from tracekit.export.advice import brings
from tracekit.predict.counsel import Advice, Counsel
from tracekit.predict.parts import Prediction

SCHEMA = 1


def as_object(counsel: Counsel) -> dict[str, Any]:
    """What `advise --json` prints, ready for a JSON writer; its keys are described above."""
    return {
        "schema": SCHEMA,
        "program": counsel.program,
        "wall_s": counsel.wall_s,
        "cores": counsel.cores or None,
        "now": counsel.now or None,
        "bound": counsel.bound,
        "advice": [_advice(advice) for advice in counsel.advice],
        "fine": list(counsel.fine),
        "unknown": list(counsel.unknown),
        "models": [_model(row) for row in counsel.models.values()],
        "notes": list(counsel.notes),
    }


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "hot": {
            "name": advice.hot.name or None,
            "file": advice.hot.file or None,
            "line": advice.hot.line or None,
            "kind": advice.hot.kind,
            "seconds": advice.hot.seconds,
            "share": advice.hot.share,
        },
        "now": advice.now or None,
        "model": advice.model or None,
        "change": advice.change,
        "brings": brings(advice) or None,
        "why": advice.why,
        "wall_before_s": advice.wall_before_s,
        "wall_after_s": advice.wall_after_s,
        "gain_s": advice.gain_s,
        "gain_low_s": advice.gain_low_s,
        "gain_high_s": advice.gain_high_s,
        "late_before_s": advice.late_before_s,
        "late_after_s": advice.late_after_s,
        "costs": list(advice.costs),
        "confidence": advice.confidence,
        "to_be_sure": advice.to_be_sure or None,
    }


def _model(row: Prediction) -> dict[str, Any]:
    return {
        "model": row.model,
        "wall_s": row.wall_s,
        "low_s": row.low_s,
        "high_s": row.high_s,
        "bound": row.bound,
        "why": row.why,
    }
