"""Runs that began and whose end is not recorded: whether they are still at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.runs import SHORT, running_sessions

ABANDONED_REASON = "its session is gone; nothing was stored"


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run of which the ledger does not say how it ended, or how its last checks ended."""

    run_id: str
    environment: str
    file_name: str
    began: datetime
    committed: datetime | None  # when its rows were stored; None: they were not, or not yet
    alive: bool  # its session still exists

    @property
    def description(self) -> str:
        """What became of it, as a message."""
        run = f"run {self.run_id[:SHORT]} of {self.file_name or 'a file'}"
        if self.committed is not None:
            return (
                f"{run} was committed {_time(self.committed)}, and its session went before the checks after COMMIT had "
                "ended"
            )
        began = f"{run} began {_time(self.began)} and has no end"
        return f"{began}: it is still at work" if self.alive else f"{began}: {ABANDONED_REASON}"


def read_unfinished_runs(conn: Connection) -> tuple[UnfinishedRun, ...]:
    """Runs without an end; also the last one that was committed, if its checks have no end and its session is gone.

    A run whose session begins or ends meanwhile counts as alive.
    """
    before = running_sessions(conn)
    rows = fetch(conn, query("unfinished_runs", __package__ or ""))
    alive = before | running_sessions(conn)
    runs = (UnfinishedRun(**row, alive=row["run_id"] in alive) for row in rows)
    return tuple(run for run in runs if run.committed is None or not run.alive)


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
