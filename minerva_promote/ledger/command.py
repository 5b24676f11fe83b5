"""`promote history` and `promote show`: the runs that the ledger of an environment records. They change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from minerva_promote.config.durations import PERIOD, in_seconds
from minerva_promote.database.catalog import fetch
from minerva_promote.database.session import admin_session, import_session
from minerva_promote.errors import UsageError
from minerva_promote.ledger.install import require_ledger
from minerva_promote.ledger.report import history_result, show_result, verify_result
from minerva_promote.ledger.runs import find_run, read_runs
from minerva_promote.ledger.verify import verify_chain

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.database.connection import Connection
    from minerva_promote.results import RunResult

# The qualified name of the table in which Alembic keeps the revision of a project; None accepts any.
RevisionTable = Callable[["Project"], str | None]


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Which runs to list; a run must match every condition that is not None."""

    file: str | None  # a file's name, or how its sha256 begins
    root: str | None  # the key of a promoted root
    state: str | None  # of runs.State
    since: str | None  # a length of time ("7d"), or a date ("2026-01-31", UTC)
    limit: int  # runs at most, the newest


def history(project: Project, environment: Environment, request: HistoryRequest, *, as_owner: bool) -> RunResult:
    """List runs, the newest first. Raises UsageError when ``since`` is neither a length of time nor a date."""
    with (admin_session if as_owner else import_session)(project, environment) as conn:
        require_ledger(conn, environment.name, for_reading=True)
        runs = read_runs(
            conn,
            file=request.file,
            root=request.root,
            state=request.state,
            since=None if request.since is None else _begin_of(conn, request.since),
            limit=request.limit + 1,  # one more tells whether there are more
        )
        more = len(runs) > request.limit
        return history_result(environment.name, conn.info.dbname, runs[: request.limit], more=more)


def verify_history(
    project: Project, environment: Environment, head: str | None, revision_table: RevisionTable, *, as_owner: bool
) -> RunResult:
    """Verify the whole ledger; findings close the gate. ``head``: the hash of an event that must be in the chain."""
    with (admin_session if as_owner else import_session)(project, environment) as conn:
        require_ledger(conn, environment.name, for_reading=True)
        table = revision_table(project)
        verification = verify_chain(conn, head, environment=environment.name, revision_table=table)
        return verify_result(environment.name, conn.info.dbname, verification)


def show(project: Project, environment: Environment, prefix: str) -> RunResult:
    """Everything about the one run whose id begins with ``prefix``. Raises UsageError when it is not exactly one."""
    with import_session(project, environment) as conn:
        require_ledger(conn, environment.name, for_reading=True)
        run = find_run(conn, prefix)
    return show_result(environment.name, run)


def _begin_of(conn: Connection, since: str) -> datetime:
    """The moment that --since means: a length of time counts back from the server's clock."""
    now: datetime = fetch(conn, b"select now() as now")[0]["now"]
    if PERIOD.fullmatch(since):
        return now - timedelta(seconds=in_seconds(since))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", since, re.ASCII):
        try:
            day = date.fromisoformat(since)
        except ValueError as error:
            raise UsageError(f"--since {since}: {error}", hint="2026-01-31") from None
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    raise UsageError(f'--since "{since}" is neither a length of time nor a date', hint="12h, 7d, or 2026-01-31 (UTC)")
