"""`promote env ping`: connect as each identity of an environment and report which server answers. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from minerva_promote.database.catalog import server
from minerva_promote.database.database_identity import (
    DatabaseIdentity,
    identity_yaml,
    read_database_identity,
    require_identity,
)
from minerva_promote.database.session import closed_after, connect
from minerva_promote.errors import ConfigError, TargetError
from minerva_promote.results import Outcome, RunResult, StepResult

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Identity, Project

# Of a server in each mode: the outcome of its ping, what its line adds, and the hint.
_MODES = {
    "primary": (Outcome.OK, "", ""),
    "standby": (Outcome.WARN, ", a standby", "imports, setup and undo need the primary server's address"),
    "read-only": (Outcome.WARN, ", read-only", "SHOW default_transaction_read_only: find out where it is set"),
}


def ping(project: Project, environment: Environment) -> RunResult:
    """One step for each identity, and one that says which database they reach."""
    databases: dict[Identity, DatabaseIdentity] = {}
    identities: list[Identity] = ["url", "admin_url"]
    identities += ["direct_url"] if "direct_url" in environment.settings else []
    steps = [_identity_step(project, environment, identity, databases) for identity in identities]
    if databases:
        steps.append(_database_step(environment, databases))
    failed = any(step.outcome is Outcome.FAIL for step in steps)
    verdict = f"{environment.name} does not answer as it should" if failed else f"{environment.name} answers"
    return RunResult("env ping", environment.name, steps=tuple(steps), verdict=verdict)


def _identity_step(
    project: Project, environment: Environment, identity: Identity, databases: dict[Identity, DatabaseIdentity]
) -> StepResult:
    """Connect as one identity. Adds the database that it reaches to ``databases``, also when that is the wrong one."""
    begun = time.perf_counter()
    try:
        target = environment.target(identity)
        conn = connect(target, project.root, environment.timeouts, environment=environment.name)
        with closed_after(conn):
            databases[identity] = read_database_identity(conn)
            require_identity(conn, environment, target)
            info, pooled = server(conn), conn.pooled
    except ConfigError as error:
        outcome = Outcome.SKIP if identity == "admin_url" else Outcome.FAIL
        return StepResult("ping", identity, outcome, error.message, location=error.location, hint=error.hint)
    except TargetError as error:
        return StepResult("ping", identity, Outcome.FAIL, error.message, location=error.location, hint=error.hint)
    major, minor = divmod(info.version_num, 10_000)
    vector = f"pgvector {info.vector_version}" if info.vector_version else "no pgvector"
    mode = "standby" if info.in_recovery else "read-only" if info.read_only else "primary"
    outcome, mode_text, hint = _MODES[mode]
    pooler_text = ", through a connection pooler" if pooled else ""
    detail = f"{info.role} on {info.database}, PostgreSQL {major}.{minor}, {vector}{mode_text}{pooler_text}"
    took = time.perf_counter() - begun
    data = {
        "role": info.role,
        "database": info.database,
        "version": info.version_num,
        "mode": mode,
        "pooled": pooled,
        "ms": round(took * 1e3, 1),
    }
    return StepResult("ping", identity, outcome, detail, took, hint=hint, data=data)


def _database_step(environment: Environment, databases: Mapping[Identity, DatabaseIdentity]) -> StepResult:
    """The database in the form that ``identity:`` of an environment file takes; FAIL when the URLs reach several."""
    best = max(databases.values(), key=lambda database: database.known)
    data = {
        "system_identifier": best.system_identifier,
        "database": best.database,
        "pinned": environment.pin is not None,
    }
    names = {database.database for database in databases.values()}
    systems = {database.system_identifier for database in databases.values() if database.known}
    if len(names) > 1 or len(systems) > 1:
        detail = "; ".join(f"{identity} leads to {identity_yaml(database)}" for identity, database in databases.items())
        hint = "both must reach the same database"
        return StepResult("identity", "", Outcome.FAIL, detail, hint=hint, data=data)
    unread = "" if best.known else f"; the server's own number cannot be read: {best.why_not}"
    return StepResult("identity", "", Outcome.OK, identity_yaml(best) + unread, data=data)
