"""Attempts on tables, views, sequences, functions and schemas: what a role must not get at."""

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
    privilege_question,
    quoted,
    statement,
)
from minerva_promote.grants.prove.expected import Allowed

UPDATES, INSERTS, DELETES = 4, 8, 16  # bits of Relation.events
LEDGER = "promote"
DROPPED_AS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE", "S": "SEQUENCE"}
_OPTIONS = "{0} WITH GRANT OPTION"
_DML = ("INSERT", "UPDATE", "DELETE")
_WRITES = (*_DML, "TRUNCATE", "ALTER", "DROP")
NOT_WRITABLE = frozenset({"0A000", "55000", "428C9"})  # of a view or its column, before privileges are looked at
# nextval and setval are not undone by a ROLLBACK. In a read-only transaction they come to nothing, with this error,
# which the server gives after it has looked at privileges.
READ_ONLY = frozenset({"25006"})


def object_attempts(around: AttemptTargets, live: LiveState, allowed: Allowed) -> Iterator[Attempt]:
    """Everything that the role must not do with what is in the database."""
    for relation in around.relations:
        if relation.kind == "S":
            yield from _sequence(relation, allowed)
        else:
            yield from _table(relation, allowed, live.version)
    yield from _functions(live, allowed)
    for name, text in around.of("schema"):
        yield from _schema(name, quoted(text), allowed)


def _table(relation: Relation, allowed: Allowed, version: int) -> Iterator[Attempt]:
    """Attempts on a table or view. EXPLAIN: the server looks at privileges, and nothing runs, no trigger either."""
    whole, on = allowed.on("table", relation.full), f"table {relation.full}"

    def attempt(topic: str, statement: sql.Composable, what: str = "", asked: bool = False) -> Attempt:
        what = f"{what or topic} on {relation.full}"
        passed = frozenset({"55P03"}) if topic == "LOCK" else NO_SUCH
        impossible = NOT_WRITABLE if relation.kind == "v" and topic in _DML else frozenset()
        place = _topic(topic, relation.schema, relation.full)
        return Attempt(place, what, on, "on tables", statement, asked=asked, impossible=impossible, passed=passed)

    if relation.kind == "f":
        for privilege, question in _foreign(relation, whole, allowed):
            yield attempt(privilege.partition(" ")[0], question, privilege, asked=True)
    elif "SELECT" not in whole:
        for what, each in _reads(relation, allowed.columns(relation.full, "SELECT")):
            yield attempt("SELECT", each, what)
    if "INSERT" not in whole and relation.tried & INSERTS:
        for what, each in _inserts(relation, allowed.columns(relation.full, "INSERT")):
            yield attempt("INSERT", each, what)
    if "UPDATE" not in whole and relation.tried & UPDATES:
        for column in _others(relation.writable, allowed.columns(relation.full, "UPDATE")):
            # to DEFAULT, for whoever reads the old value needs SELECT too
            words = statement("EXPLAIN UPDATE {} SET {} = DEFAULT WHERE false", relation.sql, sql.Identifier(column))
            yield attempt("UPDATE", words, f"UPDATE ({column})")
    if "DELETE" not in whole and relation.tried & DELETES:
        yield attempt("DELETE", statement("EXPLAIN DELETE FROM {} WHERE false", relation.sql))
    if relation.kind in "rp" and "TRUNCATE" not in whole:
        yield attempt("TRUNCATE", statement("TRUNCATE {}, {}", relation.sql, NOWHERE))
    if relation.kind in "rpv" and not whole & {"UPDATE", "DELETE", "TRUNCATE", "MAINTAIN"}:
        words = statement("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT", relation.sql)
        yield attempt("LOCK", words, "LOCK TABLE")
    alter = statement("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS -1", relation.sql, NO_NAME)
    yield attempt("ALTER", alter, "ALTER TABLE")
    yield attempt("DROP", _drop(relation))
    for privilege, question in _questions(relation, whole, allowed, version):
        yield attempt("GRANT" if "GRANT" in privilege else "other rights", question, privilege, asked=True)


def _topic(topic: str, schema: str, full: str) -> str:
    """Writing what tells the state of a database gets lines of its own, with all that is tried on it."""
    if topic in _WRITES and schema == LEDGER:
        return "forgery"
    return "new revision" if topic in _WRITES and full == REVISION_TABLE else topic


def _reads(relation: Relation, declared: frozenset[str]) -> Iterator[tuple[str, sql.Composable]]:
    """Reading any column; where some are declared, each of the others."""
    if not declared:
        yield "SELECT", statement("EXPLAIN SELECT FROM {}", relation.sql)  # needs the right to one column, whichever
        return
    for column in _others(relation.columns, declared):
        words = statement("EXPLAIN SELECT {} FROM {}", sql.Identifier(column), relation.sql)
        yield f"SELECT ({column})", words


def _inserts(relation: Relation, declared: frozenset[str]) -> Iterator[tuple[str, sql.Composable]]:
    if not declared:
        yield "INSERT", statement("EXPLAIN INSERT INTO {} SELECT WHERE false", relation.sql)  # as with SELECT
        return
    for column in _others(relation.writable, declared):
        words = statement("EXPLAIN INSERT INTO {} ({}) VALUES (DEFAULT)", relation.sql, sql.Identifier(column))
        yield f"INSERT ({column})", words


def _others(columns: Iterable[str], declared: frozenset[str]) -> Iterator[str]:
    return (column for column in columns if column not in declared)


def _drop(relation: Relation) -> sql.Composable:
    """Of two objects, one of which does not exist: nothing is dropped even where it may be."""
    return statement("DROP {} {}, {}", quoted(DROPPED_AS.get(relation.kind, "TABLE")), relation.sql, NOWHERE)


def _questions(
    relation: Relation, whole: frozenset[str], allowed: Allowed, version: int
) -> Iterator[tuple[str, sql.Composable]]:
    """What cannot be tried: a GRANT without the right to it is no error, TRIGGER and REFERENCES lock the table."""
    name, maintain = _text(relation), ("MAINTAIN",) if version >= 17 else ()
    of_columns = ", ".join(map(_OPTIONS.format, ("SELECT", "INSERT", "UPDATE", "REFERENCES")))
    of_table = ", ".join(map(_OPTIONS.format, ("DELETE", "TRUNCATE", "TRIGGER", *maintain)))
    question = "SELECT pg_catalog.has_any_column_privilege({0}, {1}) OR pg_catalog.has_table_privilege({0}, {2})"
    literals = map(sql.Literal, (name, of_columns, of_table))
    yield "GRANT", statement(question, *literals)
    for privilege in {"TRIGGER", *maintain} - whole:
        yield privilege, privilege_question("has_table_privilege", name, privilege)
    if "REFERENCES" in whole:
        return
    declared = allowed.columns(relation.full, "REFERENCES")
    if not declared:
        yield "REFERENCES", privilege_question("has_any_column_privilege", name, "REFERENCES")
        return
    for column in _others(relation.columns, declared):
        yield f"REFERENCES ({column})", privilege_question("has_column_privilege", name, column, "REFERENCES")


def _foreign(relation: Relation, whole: frozenset[str], allowed: Allowed) -> Iterator[tuple[str, sql.Composable]]:
    """Reading and writing a foreign table: even its EXPLAIN would go to the other server."""
    name = _text(relation)
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        if declared := allowed.columns(relation.full, privilege) if privilege not in whole else None:
            for column in _others(relation.columns, declared):
                yield f"{privilege} ({column})", privilege_question("has_column_privilege", name, column, privilege)
        elif privilege not in whole:
            yield privilege, privilege_question("has_any_column_privilege", name, privilege)
    if "DELETE" not in whole:
        yield "DELETE", privilege_question("has_table_privilege", name, "DELETE")


def _text(relation: Relation) -> str:
    return relation.sql.as_string(None)


def _sequence(relation: Relation, allowed: Allowed) -> Iterator[Attempt]:
    mine, on, noun = allowed.on("sequence", relation.full), f"sequence {relation.full}", "on sequences"
    if not mine & {"USAGE", "UPDATE"}:
        yield Attempt("nextval", f"nextval on {relation.full}", on, noun, next_value(relation), passed=READ_ONLY)
    if "UPDATE" not in mine:
        yield Attempt("nextval", f"setval on {relation.full}", on, noun, set_value(relation), passed=READ_ONLY)
    if "SELECT" not in mine:
        yield Attempt(
            "SELECT", f"SELECT on {relation.full}", on, noun, statement("EXPLAIN SELECT FROM {}", relation.sql)
        )
    drop = _topic("DROP", relation.schema, relation.full)
    yield Attempt(drop, f"DROP on {relation.full}", on, noun, _drop(relation), passed=NO_SUCH)


def next_value(relation: Relation) -> sql.Composable:
    """A nextval that comes to nothing."""
    return _read_only("pg_catalog.nextval({})", relation)


def set_value(relation: Relation) -> sql.Composable:
    """A setval that comes to nothing."""
    return _read_only("pg_catalog.setval({}, 1)", relation)


def _read_only(call: str, relation: Relation) -> sql.Composable:
    read_only = "SELECT pg_catalog.set_config('transaction_read_only', 'on', true), "
    return statement(read_only + call, sql.Literal(_text(relation)))


def _functions(live: LiveState, allowed: Allowed) -> Iterator[Attempt]:
    """Changing a function of the project, and whether the role may execute it; none is executed.

    What PUBLIC may execute must work, unless it is more than its caller may do.
    """
    everybodys = {entry.slot.name for entry in live.entries if entry.slot[:2] == (PUBLIC, "function")}
    powerful = {routine.name for routine in live.routines if routine.is_power}
    for (kind, name), found in live.objects.items():
        schema, on = name.partition(".")[0], f"function {name}"
        if kind != "function" or found.builtin:
            continue
        words = statement("ALTER ROUTINE {} RESET work_mem", quoted(found.sql))
        yield Attempt(_topic("ALTER", schema, name), f"ALTER ROUTINE {name}", on, "on functions", words)
        if "EXECUTE" in allowed.privileges.get(("function", name, ""), ()):
            continue  # tried as declared
        words, may = (
            privilege_question("has_function_privilege", found.sql, "EXECUTE"),
            name in everybodys and name not in powerful,
        )
        yield Attempt("EXECUTE", f"EXECUTE on {name}", on, "on functions", words, declared=may, asked=True)


def _schema(name: str, schema: sql.Composable, allowed: Allowed) -> Iterator[Attempt]:
    on = f"schema {name}"
    if "CREATE" not in allowed.on("schema", name):
        table = statement("CREATE TABLE {}.promote_attempt ()", schema)
        function = statement(
            "CREATE FUNCTION {}.promote_attempt() RETURNS pg_catalog.int4 LANGUAGE sql AS 'SELECT 1'", schema
        )
        for what, words in (("CREATE TABLE", table), ("CREATE FUNCTION", function)):
            yield Attempt("CREATE", f"{what} in schema {name}", on, "in schemas", words)
    words = statement("DROP SCHEMA {}, {}", schema, NO_NAME)
    yield Attempt("DROP", f"DROP SCHEMA {name}", on, "on schemas", words, passed=NO_SUCH)
