"""Attempts on tables, views, sequences, functions and schemas that must be refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psycopg import sql

from minerva_promote.database.catalog import REVISION_TABLE
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC
from minerva_promote.grants.prove.attempt import (
    NO_NAME,
    NO_SUCH,
    NOWHERE,
    Attempt,
    AttemptTargets,
    Relation,
    already_quoted,
    compose,
    privilege_question,
)
from minerva_promote.grants.prove.expected import ExpectedPrivileges

UPDATES, INSERTS, DELETES = 4, 8, 16  # bits of Relation.events
LEDGER = "promote"
DROPPED_AS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE", "S": "SEQUENCE"}
_WITH_GRANT_OPTION = "{0} WITH GRANT OPTION"
_DML = ("INSERT", "UPDATE", "DELETE")
_WRITES = (*_DML, "TRUNCATE", "ALTER", "DROP")
NOT_WRITABLE = frozenset({"0A000", "55000", "428C9"})  # of a view or its column, before privileges are checked
# A ROLLBACK does not undo nextval and setval. In a read-only transaction they have no effect and raise this error,
# after the server has checked privileges.
READ_ONLY = frozenset({"25006"})


def object_attempts(targets: AttemptTargets, live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Everything that the role must not be able to do with objects of the database."""
    for relation in targets.relations:
        if relation.kind == "S":
            yield from _sequence(relation, expected)
        else:
            yield from _table(relation, expected, live.version)
    yield from _functions(live, expected)
    for name, text in targets.of_kind("schema"):
        yield from _schema(name, already_quoted(text), expected)


def _table(relation: Relation, expected: ExpectedPrivileges, version: int) -> Iterator[Attempt]:
    """Attempts on a table or view; EXPLAIN checks privileges and executes nothing, no trigger either."""
    whole, target = expected.privileges_on("table", relation.qualified_name), f"table {relation.qualified_name}"

    def attempt(topic: str, compose: sql.Composable, what: str = "", is_question: bool = False) -> Attempt:
        what = f"{what or topic} on {relation.qualified_name}"
        passed = frozenset({"55P03"}) if topic == "LOCK" else NO_SUCH
        impossible = NOT_WRITABLE if relation.kind == "v" and topic in _DML else frozenset()
        report_topic = _topic(topic, relation.schema, relation.qualified_name)
        return Attempt(
            report_topic,
            what,
            target,
            "on tables",
            compose,
            is_question=is_question,
            impossible=impossible,
            passed=passed,
        )

    if relation.kind == "f":
        for privilege, question in _foreign(relation, whole, expected):
            yield attempt(privilege.partition(" ")[0], question, privilege, is_question=True)
    elif "SELECT" not in whole:
        for what, statement in _reads(relation, expected.columns(relation.qualified_name, "SELECT")):
            yield attempt("SELECT", statement, what)
    if "INSERT" not in whole and relation.triable_events & INSERTS:
        for what, statement in _inserts(relation, expected.columns(relation.qualified_name, "INSERT")):
            yield attempt("INSERT", statement, what)
    if "UPDATE" not in whole and relation.triable_events & UPDATES:
        for column in _undeclared_columns(relation.writable, expected.columns(relation.qualified_name, "UPDATE")):
            # to DEFAULT: an expression on the old value would need SELECT too
            statement = compose("EXPLAIN UPDATE {} SET {} = DEFAULT WHERE false", relation.sql, sql.Identifier(column))
            yield attempt("UPDATE", statement, f"UPDATE ({column})")
    if "DELETE" not in whole and relation.triable_events & DELETES:
        yield attempt("DELETE", compose("EXPLAIN DELETE FROM {} WHERE false", relation.sql))
    if relation.kind in "rp" and "TRUNCATE" not in whole:
        yield attempt("TRUNCATE", compose("TRUNCATE {}, {}", relation.sql, NOWHERE))
    if relation.kind in "rpv" and not whole & {"UPDATE", "DELETE", "TRUNCATE", "MAINTAIN"}:
        statement = compose("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT", relation.sql)
        yield attempt("LOCK", statement, "LOCK TABLE")
    alter = compose("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS -1", relation.sql, NO_NAME)
    yield attempt("ALTER", alter, "ALTER TABLE")
    yield attempt("DROP", _drop(relation))
    for privilege, question in _questions(relation, whole, expected, version):
        yield attempt("GRANT" if "GRANT" in privilege else "other rights", question, privilege, is_question=True)


def _topic(topic: str, schema: str, qualified_name: str) -> str:
    """The topic of an attempt; writes to the ledger and to Alembic's revision have topics of their own."""
    if topic in _WRITES and schema == LEDGER:
        return "forgery"
    return "new revision" if topic in _WRITES and qualified_name == REVISION_TABLE else topic


def _reads(relation: Relation, declared: frozenset[str]) -> Iterator[tuple[str, sql.Composable]]:
    """Reads any column; where some columns are declared, every other column."""
    if not declared:
        yield "SELECT", compose("EXPLAIN SELECT FROM {}", relation.sql)  # needs SELECT on any one column
        return
    for column in _undeclared_columns(relation.columns, declared):
        statement = compose("EXPLAIN SELECT {} FROM {}", sql.Identifier(column), relation.sql)
        yield f"SELECT ({column})", statement


def _inserts(relation: Relation, declared: frozenset[str]) -> Iterator[tuple[str, sql.Composable]]:
    if not declared:
        yield "INSERT", compose("EXPLAIN INSERT INTO {} SELECT WHERE false", relation.sql)  # as with SELECT
        return
    for column in _undeclared_columns(relation.writable, declared):
        statement = compose("EXPLAIN INSERT INTO {} ({}) VALUES (DEFAULT)", relation.sql, sql.Identifier(column))
        yield f"INSERT ({column})", statement


def _undeclared_columns(columns: Iterable[str], declared: frozenset[str]) -> Iterator[str]:
    return (column for column in columns if column not in declared)


def _drop(relation: Relation) -> sql.Composable:
    """DROP of two objects, one of which does not exist: nothing is dropped even where the role may."""
    return compose("DROP {} {}, {}", already_quoted(DROPPED_AS.get(relation.kind, "TABLE")), relation.sql, NOWHERE)


def _questions(
    relation: Relation, whole: frozenset[str], expected: ExpectedPrivileges, version: int
) -> Iterator[tuple[str, sql.Composable]]:
    """What cannot be tried: GRANT without grant option only warns, TRIGGER and REFERENCES lock the table."""
    name, maintain = _quoted_name(relation), ("MAINTAIN",) if version >= 17 else ()
    of_columns = ", ".join(map(_WITH_GRANT_OPTION.format, ("SELECT", "INSERT", "UPDATE", "REFERENCES")))
    of_table = ", ".join(map(_WITH_GRANT_OPTION.format, ("DELETE", "TRUNCATE", "TRIGGER", *maintain)))
    question = "SELECT pg_catalog.has_any_column_privilege({0}, {1}) OR pg_catalog.has_table_privilege({0}, {2})"
    literals = map(sql.Literal, (name, of_columns, of_table))
    yield "GRANT", compose(question, *literals)
    for privilege in {"TRIGGER", *maintain} - whole:
        yield privilege, privilege_question("has_table_privilege", name, privilege)
    if "REFERENCES" in whole:
        return
    declared = expected.columns(relation.qualified_name, "REFERENCES")
    if not declared:
        yield "REFERENCES", privilege_question("has_any_column_privilege", name, "REFERENCES")
        return
    for column in _undeclared_columns(relation.columns, declared):
        yield f"REFERENCES ({column})", privilege_question("has_column_privilege", name, column, "REFERENCES")


def _foreign(
    relation: Relation, whole: frozenset[str], expected: ExpectedPrivileges
) -> Iterator[tuple[str, sql.Composable]]:
    """Queries about a foreign table, of which even EXPLAIN would connect to the other server."""
    name = _quoted_name(relation)
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        if declared := expected.columns(relation.qualified_name, privilege) if privilege not in whole else None:
            for column in _undeclared_columns(relation.columns, declared):
                yield f"{privilege} ({column})", privilege_question("has_column_privilege", name, column, privilege)
        elif privilege not in whole:
            yield privilege, privilege_question("has_any_column_privilege", name, privilege)
    if "DELETE" not in whole:
        yield "DELETE", privilege_question("has_table_privilege", name, "DELETE")


def _quoted_name(relation: Relation) -> str:
    return relation.sql.as_string(None)


def _sequence(relation: Relation, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    privileges, target, noun = (
        expected.privileges_on("sequence", relation.qualified_name),
        f"sequence {relation.qualified_name}",
        "on sequences",
    )
    if not privileges & {"USAGE", "UPDATE"}:
        yield Attempt(
            "nextval", f"nextval on {relation.qualified_name}", target, noun, next_value(relation), passed=READ_ONLY
        )
    if "UPDATE" not in privileges:
        yield Attempt(
            "nextval", f"setval on {relation.qualified_name}", target, noun, set_value(relation), passed=READ_ONLY
        )
    if "SELECT" not in privileges:
        yield Attempt(
            "SELECT",
            f"SELECT on {relation.qualified_name}",
            target,
            noun,
            compose("EXPLAIN SELECT FROM {}", relation.sql),
        )
    drop = _topic("DROP", relation.schema, relation.qualified_name)
    yield Attempt(drop, f"DROP on {relation.qualified_name}", target, noun, _drop(relation), passed=NO_SUCH)


def next_value(relation: Relation) -> sql.Composable:
    """A nextval without effect."""
    return _read_only("pg_catalog.nextval({})", relation)


def set_value(relation: Relation) -> sql.Composable:
    """A setval without effect."""
    return _read_only("pg_catalog.setval({}, 1)", relation)


def _read_only(call: str, relation: Relation) -> sql.Composable:
    read_only = "SELECT pg_catalog.set_config('transaction_read_only', 'on', true), "
    return compose(read_only + call, sql.Literal(_quoted_name(relation)))


def _functions(live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """ALTER of the functions of the database, and queries whether the role may execute them; none is executed.

    What PUBLIC may execute must work, unless it is more than its caller may do.
    """
    public_functions = {entry.slot.name for entry in live.entries if entry.slot[:2] == (PUBLIC, "function")}
    elevated = {routine.name for routine in live.routines if routine.has_elevated_rights}
    for (kind, name), database_object in live.objects.items():
        schema, target = name.partition(".")[0], f"function {name}"
        if kind != "function" or database_object.builtin:
            continue
        statement = compose("ALTER ROUTINE {} RESET work_mem", already_quoted(database_object.sql))
        yield Attempt(_topic("ALTER", schema, name), f"ALTER ROUTINE {name}", target, "on functions", statement)
        if "EXECUTE" in expected.privileges.get(("function", name, ""), ()):
            continue  # tried by declared_attempts
        statement, is_declared = (
            privilege_question("has_function_privilege", database_object.sql, "EXECUTE"),
            name in public_functions and name not in elevated,
        )
        yield Attempt(
            "EXECUTE", f"EXECUTE on {name}", target, "on functions", statement, declared=is_declared, is_question=True
        )


def _schema(name: str, schema: sql.Composable, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    target = f"schema {name}"
    if "CREATE" not in expected.privileges_on("schema", name):
        table = compose("CREATE TABLE {}.promote_attempt ()", schema)
        function = compose(
            "CREATE FUNCTION {}.promote_attempt() RETURNS pg_catalog.int4 LANGUAGE sql AS 'SELECT 1'", schema
        )
        for what, statement in (("CREATE TABLE", table), ("CREATE FUNCTION", function)):
            yield Attempt("CREATE", f"{what} in schema {name}", target, "in schemas", statement)
    statement = compose("DROP SCHEMA {}, {}", schema, NO_NAME)
    yield Attempt("DROP", f"DROP SCHEMA {name}", target, "on schemas", statement, passed=NO_SUCH)
