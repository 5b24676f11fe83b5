"""Attempts at what a role is declared to be able to do: they must succeed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from psycopg import sql

from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.prove.attempt import (
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
from minerva_promote.grants.prove.objects import READ_ONLY, next_value, set_value
from minerva_promote.grants.prove.server import database_creations, temporary_table

# kind -> the function that is queried where a privilege cannot be tried
_QUESTION_FUNCTIONS = {
    "function": "has_function_privilege",
    "type": "has_type_privilege",
    "language": "has_language_privilege",
    "foreign data wrapper": "has_foreign_data_wrapper_privilege",
    "foreign server": "has_server_privilege",
    "tablespace": "has_tablespace_privilege",
    "parameter": "has_parameter_privilege",
    "database": "has_database_privilege",
    "schema": "has_schema_privilege",
    "table": "has_table_privilege",
}


def declared_attempts(targets: AttemptTargets, live: LiveState, expected: ExpectedPrivileges) -> Iterator[Attempt]:
    """Everything that the role is declared to be able to do."""
    relations = {relation.qualified_name: relation for relation in targets.relations}
    columns: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (kind, name, column), privileges in sorted(expected.privileges.items()):
        if kind == "column":
            for privilege in sorted(privileges):
                columns[name, privilege].append(column)
            continue
        for privilege in sorted(privileges):
            yield from _attempts(kind, name, privilege, relations.get(name), live)
    yield from _columns(columns, relations)


def _attempts(kind: str, name: str, privilege: str, relation: Relation | None, live: LiveState) -> Iterator[Attempt]:
    def attempt(statement: sql.Composable, passed: Iterable[str] = (), is_question: bool = False) -> Attempt:
        what, target, noun = f"{privilege} on {kind} {name}", f"{kind} {name}", f"on {_plural(kind)}"
        return Attempt(
            privilege, what, target, noun, statement, declared=True, is_question=is_question, passed=frozenset(passed)
        )

    if kind == "table" and relation is not None and (statement := privilege_statement(relation, privilege)) is not None:
        yield attempt(statement, NO_SUCH if privilege == "TRUNCATE" else ())
    elif kind == "sequence" and relation is not None:
        if privilege == "SELECT":
            yield attempt(compose("SELECT last_value FROM {}", relation.sql))
        else:
            yield attempt(next_value(relation) if privilege == "USAGE" else set_value(relation), READ_ONLY)
    elif (kind, privilege) == ("database", "CREATE"):
        yield from map(attempt, dict(database_creations()).values())
    elif (kind, privilege) == ("database", "TEMPORARY"):
        yield attempt(temporary_table())
    elif (kind, privilege) == ("schema", "CREATE"):
        yield attempt(compose("CREATE TABLE {}.promote_attempt ()", sql.Identifier(name)))
    elif kind == "large object":
        yield attempt(_open_large_object(name, privilege))
    elif kind in _QUESTION_FUNCTIONS:
        database_object = live.objects.get((kind, name))
        needs_quoting = kind not in ("function", "type", "table")  # these arguments are parsed as SQL
        yield attempt(
            privilege_question(
                _QUESTION_FUNCTIONS[kind],
                database_object.sql if database_object and not needs_quoting else name,
                privilege,
            ),
            is_question=True,
        )


def privilege_statement(
    relation: Relation, privilege: str, columns: Iterable[str] | None = None
) -> sql.Composable | None:
    """A statement that needs one privilege on some columns, or on all; None where it can only be queried."""
    names = tuple(columns if columns is not None else relation.columns if privilege == "SELECT" else relation.writable)
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    if privilege == "SELECT" and relation.kind != "f":
        return compose("EXPLAIN SELECT {} FROM {}", listed, relation.sql)
    if privilege in ("INSERT", "UPDATE") and relation.kind == "v":  # some of its columns may not be writable
        return None
    if privilege == "INSERT" and relation.triable_events & 8:
        if not names:
            return compose("EXPLAIN INSERT INTO {} DEFAULT VALUES", relation.sql)
        defaults = sql.SQL(", ").join([sql.SQL("DEFAULT")] * len(names))
        return compose("EXPLAIN INSERT INTO {} ({}) VALUES ({})", relation.sql, listed, defaults)
    if privilege == "UPDATE" and names and relation.triable_events & 4:
        assigned = sql.SQL(", ").join([compose("{} = DEFAULT", sql.Identifier(name)) for name in names])
        return compose("EXPLAIN UPDATE {} SET {} WHERE false", relation.sql, assigned)
    if privilege == "DELETE" and relation.triable_events & 16:
        return compose("EXPLAIN DELETE FROM {} WHERE false", relation.sql)
    if privilege == "TRUNCATE" and relation.kind in "rp":
        return compose("TRUNCATE {}, {}", relation.sql, NOWHERE)
    return None


def _columns(columns: Mapping[tuple[str, str], list[str]], relations: Mapping[str, Relation]) -> Iterator[Attempt]:
    for (name, privilege), names in columns.items():
        relation = relations.get(name)
        if relation is None:
            continue
        what, target = f"{privilege} ({', '.join(names)}) on table {name}", f"table {name}"
        statement = privilege_statement(relation, privilege, names)
        if statement is not None:
            yield Attempt(privilege, what, target, "on tables", statement, declared=True)
            continue
        for column in names:
            question = privilege_question("has_column_privilege", relation.sql.as_string(None), column, privilege)
            what = f"{privilege} ({column}) on table {name}"
            yield Attempt(privilege, what, target, "on tables", question, declared=True, is_question=True)


def _open_large_object(number: str, privilege: str) -> sql.Composable:
    """Opens a large object, which checks privileges; the descriptor ends with the transaction."""
    mode = 0x20000 if privilege == "UPDATE" else 0x40000  # INV_WRITE, INV_READ
    return compose("SELECT pg_catalog.lo_open({}, {})", already_quoted(str(int(number))), sql.Literal(mode))


def _plural(kind: str) -> str:
    return f"{kind}s"
