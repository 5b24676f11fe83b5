"""COMMIT, and what to believe when the connection breaks while it is under way."""

from __future__ import annotations

import time

from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch, server
from minerva_promote.database.session import CommitLost, Connection, commit, import_session
from minerva_promote.errors import OutcomeUnknown, TargetError
from minerva_promote.ledger.record import is_recorded

WAIT_SECONDS = 15  # for the server to answer again, and for the old session to end

# By its name, which carries the run's id: behind a connection pooler its process is not known here. One that waits for
# a COMMIT that the network swallowed is ended; whether it was quicker is told by the ledger afterwards.
_ALIVE = b"""
select case when state like 'idle in transaction%%' then pg_catalog.pg_terminate_backend(pid) end
from pg_catalog.pg_stat_activity where datname = current_database() and application_name = %(name)s
"""


def session_name(run_id: str) -> str:
    """What tells the session of a run from every other, in pg_stat_activity."""
    return f"promote {run_id}"


def commit_with_proof(conn: Connection, project: Project, environment: Environment, run_id: str) -> bool:
    """Commit; True when the proof was the server's answer, False when it was the ledger.

    Raises TargetError when nothing was stored, OutcomeUnknown when nobody can say yet.
    """
    try:
        commit(conn)
    except CommitLost:
        return _ask_the_ledger(project, environment, run_id)
    except KeyboardInterrupt:
        raise _unknown(run_id, "stopped while COMMIT was under way") from None
    return True


def _ask_the_ledger(project: Project, environment: Environment, run_id: str) -> bool:
    """Present means committed; absent, and our session gone, means not."""
    deadline = time.monotonic() + WAIT_SECONDS
    last = "the old session is still at work"
    while time.monotonic() < deadline:
        try:
            with import_session(project, environment) as conn:
                gone = not fetch(conn, _ALIVE, {"name": session_name(run_id)})
                primary = not server(conn).in_recovery
                if is_recorded(conn, run_id):
                    return False
        except TargetError as error:
            last = error.message
        except KeyboardInterrupt:
            raise _unknown(run_id, "the connection was lost at COMMIT, and asking the ledger was stopped") from None
        else:
            if gone and primary:
                raise TargetError(
                    "the connection was lost at COMMIT; the ledger has no such run: nothing was changed",
                    hint="run the command again",
                )
            last = "the old session is still at work" if primary else "only a standby answers, which may be behind"
        time.sleep(0.3)
    raise _unknown(run_id, f"the connection was lost at COMMIT, and the target does not say what became of it: {last}")


def _unknown(run_id: str, fact: str) -> OutcomeUnknown:
    look = f"from promote.runs where run_id = '{run_id}'"
    return OutcomeUnknown(
        f"{fact}; whether run {run_id} was committed is not known",
        hint=(
            "run the same command again once the target answers: if the run was committed it changes nothing and says "
            f"so; or look for it: select * {look}"
        ),
    )
