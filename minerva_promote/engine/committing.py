"""COMMIT, and what to believe when the connection breaks while it is under way."""

from __future__ import annotations

import time
from dataclasses import dataclass

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch
from minerva_promote.database.session import CommitLost, Connection, commit, import_session
from minerva_promote.errors import OutcomeUnknown, TargetError
from minerva_promote.ledger.record import is_recorded

WAIT_SECONDS = 15  # for the server to answer again, and for the old session to end

_ALIVE = b"""
select from pg_catalog.pg_stat_activity
where pid = %(pid)s and datname = current_database() and application_name = %(name)s
"""


@dataclass(frozen=True, slots=True)
class Session:
    """What tells our session from every other."""

    pid: int
    application: str  # carries the run id


def commit_with_proof(
    conn: Connection, project: Project, environment: Environment, run_id: str, session: Session
) -> bool:
    """Commit; True when the proof was the server's answer, False when it was the ledger.

    Raises TargetError when nothing was stored, OutcomeUnknown when nobody can say yet.
    """
    try:
        commit(conn)
    except CommitLost:
        return _ask_the_ledger(project, environment, run_id, session)
    return True


def _ask_the_ledger(project: Project, environment: Environment, run_id: str, session: Session) -> bool:
    """Present means committed; absent, and our session gone, means not."""
    deadline = time.monotonic() + WAIT_SECONDS
    last = "the old session is still at work"
    while time.monotonic() < deadline:
        try:
            with import_session(project, environment) as conn:
                gone = not fetch(conn, _ALIVE, {"pid": session.pid, "name": session.application})
                if is_recorded(conn, run_id):
                    return False
                if gone:
                    raise NotCommitted
        except NotCommitted:
            raise TargetError(
                "the connection was lost at COMMIT; the ledger has no such run: nothing was changed",
                hint="run the command again",
            ) from None
        except TargetError as error:
            last = error.message
        time.sleep(0.3)
    raise OutcomeUnknown(
        f"the connection was lost at COMMIT, and the target does not say what became of run {run_id}: {last}",
        hint=(
            "run the same command again once the target answers: if the run was committed it changes nothing and says "
            f"so; or look for it: select * from promote.runs where run_id = '{run_id}'"
        ),
    )


class NotCommitted(Exception):
    """The ledger has no such run and nobody can write it any more."""
