"""Attempts on the database and the server: what somebody who has the role's password would try beside its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from minerva_promote.grants.elsewhere import Elsewhere, nothing_elsewhere
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC
from minerva_promote.grants.prove.attempt import (
    NEW_NAME,
    NO_SUCH,
    NOWHERE,
    Attempt,
    AttemptTargets,
    privilege_question,
    quoted,
    statement,
)
from minerva_promote.grants.prove.expected import Allowed

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
    around: AttemptTargets, live: LiveState, allowed: Allowed, elsewhere: Elsewhere = nothing_elsewhere
) -> Iterator[Attempt]:
    """Everything that the role must not do outside its schemas."""
    yield from _database(around, live, allowed)
    yield from _other_roles(live, allowed)
    yield from _new_roles(live, allowed)
    yield from _fixed("server files", _FILES)
    yield from _fixed("admin's work", _SERVER)
    yield from _settings(around, allowed)
    yield from _large_objects(around, allowed)
    yield from _other_databases(live, allowed, elsewhere)
    for name, text in around.of("secret"):
        if not allowed.on("table", name) & {"SELECT"} and not allowed.columns(name, "SELECT"):
            words = statement("EXPLAIN SELECT FROM {}", quoted(text))
            yield Attempt("secrets", f"SELECT on {name}", f"table {name}", "on system tables", words)
    for name, number in around.of("restricted"):
        if "EXECUTE" not in allowed.on("function", name):
            words = privilege_question("has_function_privilege", int(number), "EXECUTE")
            yield Attempt("EXECUTE", f"EXECUTE on {name}", f"function {name}", "on functions", words, asked=True)


def _large_objects(around: AttemptTargets, allowed: Allowed) -> Iterator[Attempt]:
    """Making a large object: every role may, until somebody takes it from PUBLIC."""
    for name, who in around.of("large object"):
        signature, call = _LARGE_OBJECTS[name]
        may = who == "public" or "EXECUTE" in allowed.on("function", f"pg_catalog.{signature}")
        words = statement("SELECT pg_catalog.{}", quoted(call))
        yield Attempt("lo_create", name, f"function pg_catalog.{signature}", "in ways", words, declared=may)


def _other_databases(live: LiveState, allowed: Allowed, elsewhere: Elsewhere) -> Iterator[Attempt]:
    """What the role must not have on other databases; what PUBLIC has there by itself is left to it."""
    for other in live.other_databases:
        usual = other.privileges.get(PUBLIC, frozenset()) - {"CREATE"}
        mine = elsewhere(live.version).get(other.name, {}).get(allowed.role, frozenset())
        for privilege in sorted({"CONNECT", "CREATE", "TEMPORARY"} - usual - mine):
            words, on = privilege_question("has_database_privilege", other.name, privilege), f"database {other.name}"
            yield Attempt("databases", f"{privilege} on {on}", on, "on databases", words, asked=True)


def _fixed(topic: str, attempts: Iterable[tuple[str, str]]) -> Iterator[Attempt]:
    for what, text in attempts:
        words = statement(text, nowhere=NOWHERE, new=NEW_NAME)
        yield Attempt(topic, what, what, "in ways", words, passed=NO_SUCH)


def _database(around: AttemptTargets, live: LiveState, allowed: Allowed) -> Iterator[Attempt]:
    mine, on, database = (
        allowed.on("database", live.database),
        f"database {live.database}",
        sql.Identifier(live.database),
    )
    if "CREATE" not in mine:
        for what, words in database_creations():
            yield Attempt("CREATE", what, on, "in databases", words)
        for name, text in around.of("addable"):
            words = statement("CREATE EXTENSION {}", quoted(text))
            yield Attempt("CREATE", f"CREATE EXTENSION {name}", on, "in databases", words)
    if "TEMPORARY" not in mine:
        yield Attempt("TEMPORARY", "CREATE TEMPORARY TABLE", on, "in databases", temporary_table())
    for name, text in around.of("extension"):
        words = statement("ALTER EXTENSION {} UPDATE TO 'promote_no_such_version'", quoted(text))
        yield Attempt("ALTER", f"ALTER EXTENSION {name}", f"extension {name}", "on extensions", words)
    words = statement("ALTER DATABASE {} RESET work_mem", database)
    yield Attempt("ALTER", f"ALTER DATABASE {live.database}", on, "on databases", words)


def database_creations() -> Iterator[tuple[str, sql.Composable]]:
    """What CREATE on the database allows."""
    yield "CREATE SCHEMA", statement("CREATE SCHEMA {}", NEW_NAME)
    yield "CREATE PUBLICATION", statement("CREATE PUBLICATION {}", NEW_NAME)


def temporary_table() -> sql.Composable:
    """What TEMPORARY on the database allows."""
    return statement("CREATE TEMPORARY TABLE {} ()", NEW_NAME)


def _other_roles(live: LiveState, allowed: Allowed) -> Iterator[Attempt]:
    """Becoming another role, being a member of it in any way, making itself one."""
    role = sql.Identifier(allowed.role)
    for name in sorted(set(live.roles) - {allowed.role}):
        other, on = sql.Identifier(name), f"role {name}"
        if name not in allowed.becomes:
            yield Attempt("other roles", f"SET ROLE {name}", on, "as roles", statement("SET LOCAL ROLE {}", other))
        if name in allowed.groups:
            continue
        member = privilege_question("pg_has_role", name, "MEMBER")
        yield Attempt("other roles", f"membership in {name}", on, "as roles", member, asked=True)
        if name != "pg_database_owner":  # it takes no members at all
            grant = statement("GRANT {} TO {}", other, role)
            yield Attempt("other roles", f"GRANT {name} TO {allowed.role}", on, "as roles", grant)
    if live.admin != allowed.role:
        words = statement("SET LOCAL SESSION AUTHORIZATION {}", sql.Identifier(live.admin))
        what = f"SET SESSION AUTHORIZATION {live.admin}"
        yield Attempt("other roles", what, f"role {live.admin}", "as roles", words)


def _new_roles(live: LiveState, allowed: Allowed) -> Iterator[Attempt]:
    """Making roles, changing others, giving itself more."""
    topic, noun, role = "new powers", "in ways", sql.Identifier(allowed.role)
    yield Attempt(topic, "CREATE ROLE", "CREATE ROLE", noun, statement("CREATE ROLE {}", NEW_NAME))
    for attribute, column in zip(_ATTRIBUTES, _COLUMNS, strict=True):
        words = statement("ALTER ROLE {} {}", role, quoted(attribute))
        what = f"ALTER ROLE {allowed.role} {attribute}"
        yield Attempt(topic, what, what, noun, words)
        words = statement("SELECT {} FROM pg_catalog.pg_roles WHERE rolname = current_user", sql.Identifier(column))
        yield Attempt(topic, attribute, attribute, noun, words, asked=True)
    for name in sorted(set(live.roles) - {allowed.role}):
        if not name.startswith("pg_"):
            words = statement("ALTER ROLE {} RESET work_mem", sql.Identifier(name))
            yield Attempt(topic, f"ALTER ROLE {name}", f"role {name}", "on roles", words)


def _settings(around: AttemptTargets, allowed: Allowed) -> Iterator[Attempt]:
    """Settings that are not a role's own: session_replication_role turns foreign keys and triggers off."""
    for name, text in around.of("setting"):
        if "SET" not in allowed.on("parameter", name):
            value = quoted("replica" if name == "session_replication_role" else "DEFAULT")
            words = statement("SET LOCAL {} TO {}", quoted(text), value)
            yield Attempt("settings", f"SET {name}", f"parameter {name}", "on settings", words)
    for name, _ in around.of("server setting"):
        if "ALTER SYSTEM" not in allowed.on("parameter", name):
            words = privilege_question("has_parameter_privilege", name, "ALTER SYSTEM")
            yield Attempt("settings", f"ALTER SYSTEM SET {name}", f"parameter {name}", "on settings", words, asked=True)
