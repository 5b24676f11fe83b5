"""The events that changed the rows of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection

MOST_CHANGES = 20  # events that are read back


@dataclass(frozen=True, slots=True)
class RecentChange:
    """An event of the ledger that changed the target's rows."""

    seq: int
    kind: str  # committed, undone, restored
    run_id: str
    file_name: str
    at: datetime

    @property
    def description(self) -> str:
        """The event as messages name it: "run ab12cd34 (export.sql, 2026-11-22 20:16:33 UTC)"."""
        what = {"undone": "undo", "restored": "restore"}.get(self.kind, "run")
        file = f"{self.file_name}, " if self.file_name else ""
        return f"{what} {self.run_id[:8]} ({file}{self.at:%Y-%m-%d %H:%M:%S} UTC)"


def latest_changes(conn: Connection) -> tuple[RecentChange, ...]:
    """The last MOST_CHANGES + 1 events that changed rows, the latest first. One query."""
    rows = fetch(conn, query("recent_changes", __package__ or ""), {"limit": MOST_CHANGES + 1})
    return tuple(RecentChange(**row) for row in rows)


def describe_changes(changes: Sequence[RecentChange]) -> str:
    """The latest of some changes, and how many more."""
    more = f" and {len(changes) - 1} before" if len(changes) > 1 else ""
    return f"{changes[0].description}{more}"
