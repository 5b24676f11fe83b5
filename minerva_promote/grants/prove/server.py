"""Attempts on the database and the server that must be refused: roles, files, settings, other databases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC
from minerva_promote.grants.other_environments import OtherEnvironments, no_other_environments
from minerva_promote.grants.prove.attempt import (
    NEW_NAME,
    NO_SUCH,
    NOWHERE,
    Attempt,
    AttemptTargets,
    already_quoted,
    compose,
    privilege_question,
)
from minerva_promote.grants.prove.expected import ExpectedPrivileges

_FOLDER = "/promote-no-such-folder/file"
_FILES = (
    ("COPY TO PROGRAM", "COPY (SELECT 1 WHERE false) TO PROGRAM 'true'"),
    ("COPY FROM PROGRAM", "COPY {nowhere} FROM PROGRAM 'true'"),
    ("COPY TO a file of the server", f"COPY (SELECT 1) TO '{_FOLDER}'"),
    ("COPY FROM a file of the server", f"COPY {{nowhere}} FROM '{_FOLDER}'"),
    ("pg_read_file", "SELECT pg_catalog.pg_read_file('PG_VERSION')"),
    ("pg_read_binary_file", "SELECT pg_catalog.pg_read_binary_file('PG_VERSION')"),
    ("pg_stat_file", "SELECT pg_catalog.pg_stat_file('PG_VERSION')"),
    ("pg_ls_dir", "SELECT pg_catalog.pg_ls_dir('.')"),
    ("pg_ls_logdir", "SELECT pg_catalog.pg_ls_logdir()"),
    ("lo_import", f"SELECT pg_catalog.lo_import('{_FOLDER}')"),
    ("lo_export", f"SELECT pg_catalog.lo_export(0, '{_FOLDER}')"),
)
_SERVER = (
    ("CREATE EVENT TRIGGER", "CREATE EVENT TRIGGER {new} ON ddl_command_start EXECUTE FUNCTION {nowhere}()"),
    ("CREATE FOREIGN DATA WRAPPER", "CREATE FOREIGN DATA WRAPPER {new}"),
    ("CREATE LANGUAGE", "CREATE LANGUAGE {new} HANDLER {nowhere}"),
    (
        "CREATE SUBSCRIPTION",
        f"CREATE SUBSCRIPTION {{new}} CONNECTION 'host={_FOLDER}' PUBLICATION {{new}} WITH (connect = false)",
    ),
    ("dropping a replication slot", "SELECT pg_catalog.pg_drop_replication_slot('promote_no_such_slot')"),
    ("UPDATE on pg_catalog.pg_authid", "EXPLAIN UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE false"),
    ("DELETE on pg_catalog.pg_class", "EXPLAIN DELETE FROM pg_catalog.pg_class WHERE false"),
)
_LARGE_OBJECTS = {
    "lo_creat": ("lo_creat(integer)", "lo_creat(-1)"),
    "lo_create": ("lo_create(oid)", "lo_create(0)"),
    "lo_from_bytea": ("lo_from_bytea(oid,bytea)", "lo_from_bytea(0, '')"),
}
_ATTRIBUTES = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
_COLUMNS = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")


def server_attempts(
    targets: AttemptTargets,
    live: LiveState,
    expected: ExpectedPrivileges,
    other_environments: OtherEnvironments = no_other_environments,
) -> Iterator[Attempt]:
    """Everything that the role must not be able to do outside schemas."""
    yield from _database(targets, live, expected)
    yield from _other_roles(live, expected)
    yield from _new_roles(live, expected)
    yield from _fixed_attempts("server files", _FILES)
    yield from _fixed_attempts("admin's work", _SERVER)
    yield from _settings(targets, expected)
    yield from _large_objects(targets, expected)
    yield from _other_databases(live, expected, other_environments)
    for name, text in targets.of_kind("secret"):
        if not expected.privileges_on("table", name) & {"SELECT"} and not expected.columns(name, "SELECT"):
            statement = compose("EXPLAIN SELECT FROM {}", already_quoted(text))
            yield Attempt("secrets", f"SELECT on {name}", f"table {name}", "on system tables", statement)
    for name, number in targets.of_kind("restricted"):
        if "EXECUTE" not in expected.privileges_on("function", name):
            statement = privilege_question("has_function_privilege", int(number), "EXECUTE")
            yield Attempt(
                "EXECUTE", f"EXECUTE on {name}", f"function {name}", "on functions", statement, is_question=True
            )


def _large_objects(targets: AttemptTargets, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Creating a large object: every role may, unless EXECUTE was revoked from PUBLIC."""
    for name, public_or_none in targets.of_kind("large object"):
        signature, call = _LARGE_OBJECTS[name]
        is_declared = public_or_none == "public" or "EXECUTE" in expected.privileges_on(
            "function", f"pg_catalog.{signature}"
        )
        statement = compose("SELECT pg_catalog.{}", already_quoted(call))
        yield Attempt("lo_create", name, f"function pg_catalog.{signature}", "in ways", statement, declared=is_declared)


def _other_databases(
    live: LiveState, expected: ExpectedPrivileges, other_environments: OtherEnvironments
) -> Iterator[Attempt]:
    """Privileges that the role must not have on other databases; those of PUBLIC are not tried."""
    for other in live.other_databases:
        public_privileges = other.privileges.get(PUBLIC, frozenset()) - {"CREATE"}
        privileges = other_environments(live.version).get(other.name, {}).get(expected.role, frozenset())
        for privilege in sorted({"CONNECT", "CREATE", "TEMPORARY"} - public_privileges - privileges):
            statement, target = (
                privilege_question("has_database_privilege", other.name, privilege),
                f"database {other.name}",
            )
            yield Attempt("databases", f"{privilege} on {target}", target, "on databases", statement, is_question=True)


def _fixed_attempts(topic: str, attempts: Iterable[tuple[str, str]]) -> Iterator[Attempt]:
    for what, text in attempts:
        statement = compose(text, nowhere=NOWHERE, new=NEW_NAME)
        yield Attempt(topic, what, what, "in ways", statement, passed=NO_SUCH)


def _database(targets: AttemptTargets, live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    privileges, target, database = (
        expected.privileges_on("database", live.database),
        f"database {live.database}",
        sql.Identifier(live.database),
    )
    if "CREATE" not in privileges:
        for what, statement in database_creations():
            yield Attempt("CREATE", what, target, "in databases", statement)
        for name, text in targets.of_kind("addable"):
            statement = compose("CREATE EXTENSION {}", already_quoted(text))
            yield Attempt("CREATE", f"CREATE EXTENSION {name}", target, "in databases", statement)
    if "TEMPORARY" not in privileges:
        yield Attempt("TEMPORARY", "CREATE TEMPORARY TABLE", target, "in databases", temporary_table())
    for name, text in targets.of_kind("extension"):
        statement = compose("ALTER EXTENSION {} UPDATE TO 'promote_no_such_version'", already_quoted(text))
        yield Attempt("ALTER", f"ALTER EXTENSION {name}", f"extension {name}", "on extensions", statement)
    statement = compose("ALTER DATABASE {} RESET work_mem", database)
    yield Attempt("ALTER", f"ALTER DATABASE {live.database}", target, "on databases", statement)


def database_creations() -> Iterator[tuple[str, sql.Composable]]:
    """Statements that need CREATE on the database."""
    yield "CREATE SCHEMA", compose("CREATE SCHEMA {}", NEW_NAME)
    yield "CREATE PUBLICATION", compose("CREATE PUBLICATION {}", NEW_NAME)


def temporary_table() -> sql.Composable:
    """A statement that needs TEMPORARY on the database."""
    return compose("CREATE TEMPORARY TABLE {} ()", NEW_NAME)


def _other_roles(live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Becoming another role, being a member of it, becoming a member of it."""
    role = sql.Identifier(expected.role)
    for name in sorted(set(live.roles) - {expected.role}):
        other, target = sql.Identifier(name), f"role {name}"
        if name not in expected.becomes:
            yield Attempt("other roles", f"SET ROLE {name}", target, "as roles", compose("SET LOCAL ROLE {}", other))
        if name in expected.groups:
            continue
        member = privilege_question("pg_has_role", name, "MEMBER")
        yield Attempt("other roles", f"membership in {name}", target, "as roles", member, is_question=True)
        if name != "pg_database_owner":  # it cannot have members
            grant = compose("GRANT {} TO {}", other, role)
            yield Attempt("other roles", f"GRANT {name} TO {expected.role}", target, "as roles", grant)
    if live.admin != expected.role:
        statement = compose("SET LOCAL SESSION AUTHORIZATION {}", sql.Identifier(live.admin))
        what = f"SET SESSION AUTHORIZATION {live.admin}"
        yield Attempt("other roles", what, f"role {live.admin}", "as roles", statement)


def _new_roles(live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Creating roles, altering others, and granting attributes to itself."""
    topic, noun, role = "new powers", "in ways", sql.Identifier(expected.role)
    yield Attempt(topic, "CREATE ROLE", "CREATE ROLE", noun, compose("CREATE ROLE {}", NEW_NAME))
    for attribute, column in zip(_ATTRIBUTES, _COLUMNS, strict=True):
        statement = compose("ALTER ROLE {} {}", role, already_quoted(attribute))
        what = f"ALTER ROLE {expected.role} {attribute}"
        yield Attempt(topic, what, what, noun, statement)
        statement = compose("SELECT {} FROM pg_catalog.pg_roles WHERE rolname = current_user", sql.Identifier(column))
        yield Attempt(topic, attribute, attribute, noun, statement, is_question=True)
    for name in sorted(set(live.roles) - {expected.role}):
        if not name.startswith("pg_"):
            statement = compose("ALTER ROLE {} RESET work_mem", sql.Identifier(name))
            yield Attempt(topic, f"ALTER ROLE {name}", f"role {name}", "on roles", statement)


def _settings(targets: AttemptTargets, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Settings that an ordinary role must not change: session_replication_role disables foreign keys and triggers."""
    for name, text in targets.of_kind("setting"):
        if "SET" not in expected.privileges_on("parameter", name):
            value = already_quoted("replica" if name == "session_replication_role" else "DEFAULT")
            statement = compose("SET LOCAL {} TO {}", already_quoted(text), value)
            yield Attempt("settings", f"SET {name}", f"parameter {name}", "on settings", statement)
    for name, _ in targets.of_kind("server setting"):
        if "ALTER SYSTEM" not in expected.privileges_on("parameter", name):
            statement = privilege_question("has_parameter_privilege", name, "ALTER SYSTEM")
            yield Attempt(
                "settings", f"ALTER SYSTEM SET {name}", f"parameter {name}", "on settings", statement, is_question=True
            )
