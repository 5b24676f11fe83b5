"""Whether the import role can do more than is declared: a warning, and in a protected environment a refusal."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.config.drift_codes import ESCALATION_CODES
from minerva_promote.config.project import Environment
from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigError
from minerva_promote.grants.findings import undeclared_import_role_finding
from minerva_promote.grants.inspect import inspect
from minerva_promote.grants.model import Drift
from minerva_promote.grants.plan import compare
from minerva_promote.grants.wanted import declared_functions, with_groups
from minerva_promote.results import Finding, Severity

SHOWN = 10  # findings; promote grants shows all


def excess_privilege_findings(conn: Connection, environment: Environment, role: str) -> Iterator[Finding]:
    """A finding for every power that is not declared; read as the import role itself."""
    severity = Severity.ERROR if environment.protected else Severity.WARN
    if role not in environment.roles or environment.roles[role].absent:
        yield undeclared_import_role_finding(environment, role, severity=severity)
        return
    names = with_groups(environment, role)
    live = inspect(conn, names, declared_functions(environment))
    plan = compare(live, environment, only=names, admin=admin_name(environment), exact_public=False)
    more = [drift for drift in plan.drifts if _is_power(drift)]
    for drift in more[:SHOWN]:
        hint = "; ".join(drift.statements) or drift.hint
        message = f"{role} has more than declared: {drift.what}: {drift.message}"
        yield Finding(drift.code, message, hint=f"promote grants --env ENV --apply: {hint}", severity=severity)
    if len(more) > SHOWN:
        message = f"{role} has more than declared: {len(more) - SHOWN} other ways"
        yield Finding("undeclared", message, hint="promote grants --env ENV", severity=severity)


def _is_power(drift: Drift) -> bool:
    """Whether it gives power in this database, and no other preflight finding reports it."""
    if drift.what.startswith("setting "):
        return drift.code == "weak-setting" and "session_replication_role" not in drift.what
    return drift.code in ESCALATION_CODES and drift.code not in ("rule", "other-database", "owns-other-database")


def admin_name(environment: Environment) -> str | None:
    """The admin identity's role, as far as it is known here: an importing machine needs no admin_url."""
    from minerva_promote.database.embedded.files import SUPERUSER

    try:
        target = environment.admin_url
    except ConfigError:
        return None
    return target.user or (SUPERUSER if target.embedded else None)
