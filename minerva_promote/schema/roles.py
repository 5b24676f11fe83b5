"""The roles of an environment: made when they are missing, with password and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from minerva_promote.config.models import Role
from minerva_promote.config.project import Environment
from minerva_promote.database.catalog import ExistingRole, existing_roles, server
from minerva_promote.database.faults import attempt
from minerva_promote.database.password import matches, scram, stored_verifier
from minerva_promote.database.quote import ident, literal, text
from minerva_promote.errors import ConfigError, TargetError
from minerva_promote.results import Outcome, StepResult

LISTS = ("search_path", "local_preload_libraries", "session_preload_libraries", "temp_tablespaces")
DUPLICATE = ("42710", "23505")  # a setup of another database was quicker


@dataclass(frozen=True, slots=True)
class _Change:
    """One statement, and the same as it may be shown."""

    what: str  # "made", "login", "password", "statement_timeout"
    statement: sql.Composed
    shown: str


def ensure_roles(conn: psycopg.Connection, environment: Environment) -> tuple[StepResult, ...]:
    """Make the declared roles and change what differs, in the transaction that is open; one step a role.

    Raises TargetError with all the statements that an administrator has to run when the admin identity may not.
    A password is set when the role is made, and when one is declared and is known not to be the present one.
    """
    there = existing_roles(conn, environment.roles)
    may_read_passwords = server(conn).superuser
    steps, refused = [], []
    for name, wanted in environment.roles.items():
        done: list[_Change] = []
        present = there.get(name)
        for change in _changes(conn, environment, name, wanted, present, may_read_passwords):
            refusal = attempt(conn, change.statement)
            if refusal is None or (change.what == "made" and refusal.sqlstate in DUPLICATE):
                done.append(change)
            else:
                refused.append((f"role {name}: {refusal.message}", change.shown))
        unread = present is not None and not may_read_passwords and _given_password(environment, name) is not None
        steps.append(_step(name, done, unread=unread))
    if refused:
        raise TargetError(
            "; ".join(fact for fact, _ in refused),
            hint=f"as an administrator: {'; '.join(shown for _, shown in refused)}",
        )
    return tuple(steps)


def _changes(
    conn: psycopg.Connection,
    environment: Environment,
    name: str,
    wanted: Role,
    present: ExistingRole | None,
    may_read_passwords: bool,
) -> Iterator[_Change]:
    login = sql.SQL("LOGIN" if wanted.login else "NOLOGIN")
    if present is None:
        create = sql.SQL("CREATE ROLE {} {}").format(ident(name), login)
        yield _with_password(conn, "made", create, name, environment.password(name))
    else:
        password = _given_password(environment, name)
        if present.login != wanted.login:
            alter = sql.SQL("ALTER ROLE {} {}").format(ident(name), login)
            yield _plain("may log in" if wanted.login else "may no longer log in", alter)
        if password is not None and may_read_passwords and not matches(stored_verifier(conn, name), password):
            yield _with_password(conn, "password", sql.SQL("ALTER ROLE {}").format(ident(name)), name, password)
    settings: Mapping[str, str] = present.settings if present else {}
    for key, value in wanted.settings.items():
        if settings.get(key) != value:
            yield _plain(
                f"{key} = {value}",
                sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} TO {}").format(
                    ident(name), ident(environment.admin_url.dbname), _setting(key), _value(key, value)
                ),
            )


def _given_password(environment: Environment, name: str) -> str | None:
    """The declared password of a role that is there already; None also when its variable is not set."""
    try:
        return environment.password(name)
    except ConfigError:
        return None


def _with_password(
    conn: psycopg.Connection, what: str, statement: sql.Composed, name: str, password: str | None
) -> _Change:
    if password is None:
        return _plain(what, statement)
    verifier = literal(scram(conn, name, password))
    return _Change(what, sql.SQL("{} PASSWORD {}").format(statement, verifier), f"{text(statement)} PASSWORD '...'")


def _plain(what: str, statement: sql.Composed) -> _Change:
    return _Change(what, statement, text(statement))


def _setting(key: str) -> sql.Composed:
    """A setting's name; one of an extension has two parts."""
    return sql.SQL(".").join(ident(part) for part in key.split("."))


def _value(key: str, value: str) -> sql.Composable:
    parts = [part.strip() for part in value.split(",")] if key in LISTS else [value]
    return sql.SQL(", ").join(literal(part.strip('"')) for part in parts)


def _step(name: str, done: list[_Change], *, unread: bool) -> StepResult:
    detail = ", ".join(change.what for change in done) or "already there"
    if unread:
        detail += " (its password is left as it is: only a superuser can compare it)"
    data = {"statements": [change.shown for change in done], "changed": bool(done)}
    return StepResult("setup", f"role {name}", Outcome.OK, detail, data=data)
