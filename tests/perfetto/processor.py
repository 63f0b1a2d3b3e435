"""The real trace processor, as tests ask it: rows as dictionaries, and what it complains of. Knows nothing of traces."""

from __future__ import annotations

from typing import Any

from tracekit.export.processor import Processor, missing

__all__ = ["TraceProcessor", "missing"]


class TraceProcessor(Processor):
    """One trace processor; use it as a context manager. It holds one trace at a time."""

    def query(self, sql: str) -> list[dict[str, Any]]:  # type: ignore[override]
        """The rows of the last statement."""
        return [dict(zip(columns, row)) for columns, rows in super().query(sql) for row in rows]

    def complaints(self) -> dict[str, int]:
        """The `stats` rows that tell of lost data, by name; to Perfetto a lost arrow is no error, here it is."""
        lost = "severity in ('error', 'data_loss') or name in ('flow_end_without_start', 'flow_step_without_start')"
        rows = self.query(f"select name, sum(value) as value from stats where ({lost}) and value != 0 group by name")
        return {row["name"]: row["value"] for row in rows}
