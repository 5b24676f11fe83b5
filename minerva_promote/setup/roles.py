"""The roles of an environment: CREATE and ALTER ROLE for passwords, attributes and settings."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from minerva_promote.config.project import Environment
from minerva_promote.database.catalog import server
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.database.scram import matches, stored_verifier
from minerva_promote.database.server_errors import try_execute
from minerva_promote.errors import ConfigError, TargetError
from minerva_promote.grants.apply import set_passwords
from minerva_promote.grants.model import Drift
from minerva_promote.grants.plan import plan_grants
from minerva_promote.results import StepResult
from minerva_promote.setup.report import describe_role_change, role_step

REPAIRED_DRIFTS = ("missing-role", "login", "connection-limit", "setting")  # codes of the drifts that setup repairs
_PASSWORD = "PASSWORD '***'"  # instead of the password, which must not end up in logs
DUPLICATE = ("42710", "23505")  # a concurrent setup of another database created it


def ensure_roles(conn: Connection, environment: Environment) -> tuple[StepResult, ...]:
    """Create the declared roles and change what differs, in the open transaction; one step per role.

    A password is set for a new role, and when a declared one is known to differ. Raises TargetError with all statements
    that an administrator has to execute when the admin identity lacks the privileges.
    """
    may_read_passwords = server(conn).superuser
    plan = plan_grants(conn, environment)
    steps, refusals = [], []
    for name in plan.wanted.roles:
        statements: list[str] = []
        changes: list[str] = []
        for drift in (drift for drift in plan.drifts if drift.role == name and drift.code in REPAIRED_DRIFTS):
            for statement in drift.statements:
                refusal = try_execute(conn, sql.SQL(statement))
                if refusal is None or (drift.code == "missing-role" and refusal.sqlstate in DUPLICATE):
                    statements.append(statement)
                    changes.append(describe_role_change(environment, drift))
                else:
                    refusals.append(
                        (f"role {name}: {refusal.message}", _administrator_statement(environment, drift, statement))
                    )
        created = name not in plan.live.roles
        if not refusals and (created or (may_read_passwords and _password_differs(conn, environment, name))):
            password_roles = set_passwords(conn, environment, [name])
            statements += [f"ALTER ROLE {sql_text(ident(role))} PASSWORD '...'" for role in password_roles]
            changes += ["password"] if password_roles and not created else []
        password_unread = not created and not may_read_passwords and _declared_password(environment, name) is not None
        steps.append(role_step(name, changes, statements, password_unread=password_unread))
    if refusals:
        raise TargetError(
            "; ".join(message for message, _ in refusals),
            hint=_administrator_hint([statement for _, statement in refusals]),
        )
    return tuple(steps)


def _administrator_statement(environment: Environment, drift: Drift, statement: str) -> str:
    """The statement for an administrator: it creates a role together with its declared password."""
    if drift.code == "missing-role" and environment.roles[drift.role].password:
        return f"{statement} {_PASSWORD}"
    return statement


def _administrator_hint(statements: Sequence[str]) -> str:
    secret = any(statement.endswith(_PASSWORD) for statement in statements)
    note = ", with the declared password of each role in place of '***'" if secret else ""
    return f"as an administrator{note}: {'; '.join(statements)}"


def _password_differs(conn: Connection, environment: Environment, name: str) -> bool:
    password = _declared_password(environment, name)
    return password is not None and not matches(stored_verifier(conn, name), password)


def _declared_password(environment: Environment, name: str) -> str | None:
    """The declared password of an existing role; None also when its variable is not set."""
    try:
        return environment.password(name)
    except ConfigError:
        return None
