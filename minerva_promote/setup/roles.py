"""The roles of an environment: made when they are missing, with password, attributes and settings."""

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
from minerva_promote.results import Outcome, StepResult

CODES = ("missing-role", "login", "connection-limit", "setting")  # of the drift that is ended here
_PASSWORD = "PASSWORD '***'"  # never the password itself, which would end up in logs
DUPLICATE = ("42710", "23505")  # a setup of another database was quicker


def ensure_roles(conn: Connection, environment: Environment) -> tuple[StepResult, ...]:
    """Make the declared roles and change what differs, in the transaction that is open; one step a role.

    Raises TargetError with all the statements that an administrator has to run when the admin identity may not.
    A password is set when the role is made, and when one is declared and is known not to be the present one.
    """
    may_read_passwords = server(conn).superuser
    plan = plan_grants(conn, environment)
    steps, refused = [], []
    for name in plan.wanted.roles:
        done: list[str] = []
        said: list[str] = []
        for drift in (each for each in plan.drifts if each.role == name and each.code in CODES):
            for statement in drift.statements:
                refusal = try_execute(conn, sql.SQL(statement))
                if refusal is None or (drift.code == "missing-role" and refusal.sqlstate in DUPLICATE):
                    done.append(statement)
                    said.append(_said(environment, drift))
                else:
                    refused.append((f"role {name}: {refusal.message}", _advised(environment, drift, statement)))
        made = name not in plan.live.roles
        if not refused and (made or (may_read_passwords and _has_another_password(conn, environment, name))):
            given = set_passwords(conn, environment, [name])
            done += [f"ALTER ROLE {sql_text(ident(role))} PASSWORD '...'" for role in given]
            said += ["password"] if given and not made else []
        unread = not made and not may_read_passwords and _declared_password(environment, name) is not None
        steps.append(_step(name, said, done, unread=unread))
    if refused:
        raise TargetError(
            "; ".join(fact for fact, _ in refused),
            hint=_for_administrator([statement for _, statement in refused]),
        )
    return tuple(steps)


def _advised(environment: Environment, drift: Drift, statement: str) -> str:
    """The statement as an administrator has to run it: a new role gets its declared password there and then."""
    if drift.code == "missing-role" and environment.roles[drift.role].password:
        return f"{statement} {_PASSWORD}"
    return statement


def _for_administrator(statements: Sequence[str]) -> str:
    secret = any(statement.endswith(_PASSWORD) for statement in statements)
    whose = ", with the declared password of each role in place of '***'" if secret else ""
    return f"as an administrator{whose}: {'; '.join(statements)}"


def _has_another_password(conn: Connection, environment: Environment, name: str) -> bool:
    password = _declared_password(environment, name)
    return password is not None and not matches(stored_verifier(conn, name), password)


def _declared_password(environment: Environment, name: str) -> str | None:
    """The declared password of a role that is there already; None also when its variable is not set."""
    try:
        return environment.password(name)
    except ConfigError:
        return None


def _said(environment: Environment, drift: Drift) -> str:
    role = environment.roles[drift.role]
    match drift.code:
        case "missing-role":
            return "made"
        case "login":
            return "may log in" if role.login else "may no longer log in"
        case "connection-limit":
            return f"connection limit {role.connection_limit}"
        case _:
            key = drift.what.removeprefix("setting ")
            return f"{key} = {role.settings[key]}"


def _step(name: str, said: list[str], done: list[str], *, unread: bool) -> StepResult:
    detail = ", ".join(said) or "already there"
    if unread:
        detail += " (its password is left as it is: only a superuser can compare it)"
    data = {"statements": done, "changed": bool(done)}
    return StepResult("setup", f"role {name}", Outcome.OK, detail, data=data)
