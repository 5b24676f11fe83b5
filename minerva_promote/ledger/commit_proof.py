"""COMMIT, and the proof by the ledger when the connection breaks during it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import run_lock_key
from minerva_promote.database.catalog import fetch, server
from minerva_promote.database.connection import Connection
from minerva_promote.database.session import CommitLost, CommitStopped, commit, import_session
from minerva_promote.errors import OutcomeUnknown, TargetError
from minerva_promote.ledger.events import is_recorded

SessionOpener = Callable[[Project, Environment], AbstractContextManager[Connection]]

WAIT_SECONDS = 15  # for the server to answer again, and for the old session to end

# The session is identified by its name, which contains the run's id, and by its lock: behind a connection pooler its
# process is not known, and some poolers hide the name. One that still waits for a COMMIT which the network lost is
# terminated; the ledger tells afterwards whether the COMMIT had arrived before.
_RUN_SESSION_QUERY = b"""
select case when a.state like 'idle in transaction%%' then pg_catalog.pg_terminate_backend(a.pid) end
from pg_catalog.pg_stat_activity a where a.datname = current_database() and (a.application_name = %(name)s or a.pid in (
    select l.pid from pg_catalog.pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 2 and l.classid::bigint = %(class)s and l.objid::bigint = %(id)s
      and l.database = a.datid))
"""


def session_name(run_id: str) -> str:
    """The application_name of the session of a run."""
    return f"promote {run_id}"


def commit_with_proof(
    conn: Connection,
    project: Project,
    environment: Environment,
    run_id: str,
    change: str,
    session: SessionOpener = import_session,
) -> str:
    """Commit; returns "" when the server answered, or the words for the verdict that the ledger proves the COMMIT.

    The ledger is read in a new ``session``. Raises TargetError when nothing was stored, OutcomeUnknown when that cannot
    be determined yet. ``change`` describes the transaction for commit_log.
    """
    try:
        commit(conn, change)
    except CommitStopped as error:
        raise _outcome_unknown(environment, run_id, error.message) from None
    except CommitLost:
        _confirm_by_ledger(project, environment, run_id, session)
        record_change(change)
        return " (the connection was lost at COMMIT; the ledger proves it)"
    return ""


def _confirm_by_ledger(project: Project, environment: Environment, run_id: str, session: SessionOpener) -> None:
    """Wait until the ledger has the run (committed), or has not and its session is gone (TargetError)."""
    deadline = time.monotonic() + WAIT_SECONDS
    last = "the old session is still at work"
    while time.monotonic() < deadline:
        try:
            with session(project, environment) as conn:
                gone = not fetch(conn, _RUN_SESSION_QUERY, {"name": session_name(run_id), **run_lock_key(run_id)})
                primary = not server(conn).in_recovery
                if is_recorded(conn, run_id):
                    return
        except TargetError as error:
            last = error.message
        except KeyboardInterrupt:
            message = "the connection was lost at COMMIT, and asking the ledger was stopped"
            raise _outcome_unknown(environment, run_id, message) from None
        else:
            if gone and primary:
                raise TargetError(
                    "the connection was lost at COMMIT; the ledger has no such run: nothing was changed",
                    hint="run the command again",
                )
            last = "the old session is still at work" if primary else "only a standby answers, which may be behind"
        time.sleep(0.3)
    message = f"the connection was lost at COMMIT, and the target does not say what became of it: {last}"
    raise _outcome_unknown(environment, run_id, message)


def _outcome_unknown(environment: Environment, run_id: str, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{message}; whether run {run_id} was committed is not known",
        hint=(
            "run the same command again once the target answers: if the run was committed it changes nothing and says "
            f"so; or ask for it: promote show {run_id[:8]} --env {environment.name}"
        ),
    )
