"""The tables that a migration's SQL locks, with lock modes and reasons, as documented for each SQL command.

The analysis reads the statements alone, with PostgreSQL's own parser. Tables that the same script creates are left
out: no other session sees them. Dynamic SQL is reported as unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minerva_promote.migrations.alter_table_locks import alter_table_lock
from minerva_promote.sql_parser import SqlSyntaxError, enum_name, parse, parse_plpgsql

# Weakest first; the position is the lock mode's number in a parse tree, less one.
MODES = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
UNREADABLE = "?"  # instead of a table name


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock that one statement takes."""

    table: str  # as the statement spells it, without public; UNREADABLE
    mode: str
    why: str  # "CREATE INDEX ix_chunks_book_id"


def find_locks(sql: str, created: set[str]) -> tuple[Lock, ...]:
    """The strongest lock on each table, in the order of the statements, with all reasons for that mode.

    ``created`` holds the tables that the script created so far; those that ``sql`` creates are added to it.
    """
    strongest: dict[str, Lock] = {}
    for lock in _locks_of_script(sql, created):
        if lock.table in created:
            continue
        known = strongest.get(lock.table)
        if known is None or MODES.index(lock.mode) > MODES.index(known.mode):
            strongest[lock.table] = lock
        elif known.mode == lock.mode and lock.why not in known.why.split("; "):
            strongest[lock.table] = Lock(lock.table, lock.mode, f"{known.why}; {lock.why}")
    return tuple(strongest.values())


def _parse_statements(sql: str) -> Iterator[Any]:
    """The parsed statements; none for SQL that the parser refuses, which the server will reject too."""
    try:
        parsed = parse(sql)
    except (SqlSyntaxError, RecursionError):
        return
    for raw in parsed.stmts:
        yield raw.stmt


def _locks_of_script(sql: str, created: set[str]) -> Iterator[Lock]:
    for statement in _parse_statements(sql):
        kind = statement.WhichOneof("node") or ""
        node = getattr(statement, kind)
        yield from _locks_of_statement(kind, node, created)


def table_name(relation: Any) -> str:
    """A table name, with its schema unless that is public."""
    schema = relation.schemaname
    return f"{schema}.{relation.relname}" if schema not in ("", "public") else str(relation.relname)


def _locks_of_statement(kind: str, node: Any, created: set[str]) -> Iterator[Lock]:
    reader = _LOCK_READERS.get(kind)
    if reader is not None:
        yield from reader(node, created)


def _create_table(node: Any, created: set[str]) -> Iterator[Lock]:
    name = table_name(node.relation)
    created.add(name)
    for element in node.table_elts:
        constraints = [element.constraint] if element.HasField("constraint") else list(element.column_def.constraints)
        for constraint in constraints:
            constraint = (
                constraint.constraint
                if hasattr(constraint, "constraint") and constraint.HasField("constraint")
                else constraint
            )
            if constraint.pktable.relname:
                yield Lock(
                    table_name(constraint.pktable), "SHARE ROW EXCLUSIVE", f"a foreign key of the new table {name}"
                )


def _create_table_as(node: Any, created: set[str]) -> Iterator[Lock]:
    created.add(table_name(node.into.rel))
    return iter(())


def _index(node: Any, _: set[str]) -> Iterator[Lock]:
    target = f"INDEX {node.idxname}".rstrip()
    if node.concurrent:
        yield Lock(table_name(node.relation), "SHARE UPDATE EXCLUSIVE", f"CREATE {target} CONCURRENTLY")
    else:
        yield Lock(table_name(node.relation), "SHARE", f"CREATE {target}, which is built over all rows")


def _drop(node: Any, _: set[str]) -> Iterator[Lock]:
    kind = enum_name("ObjectType", node.remove_type).removeprefix("OBJECT_")
    for item in node.objects:
        parts = [part.string.sval for part in item.list.items]
        name = ".".join(part for part in parts if part != "public")
        if kind == "INDEX":
            mode = "SHARE UPDATE EXCLUSIVE" if node.concurrent else "ACCESS EXCLUSIVE"
            yield Lock(f"the table of index {name}", mode, f"DROP INDEX{' CONCURRENTLY' if node.concurrent else ''}")
        elif kind in ("TABLE", "MATVIEW", "VIEW", "SEQUENCE"):
            yield Lock(name, "ACCESS EXCLUSIVE", f"DROP {kind.replace('MATVIEW', 'MATERIALIZED VIEW')}")
        elif kind in ("TRIGGER", "RULE", "POLICY"):
            yield Lock(".".join(part for part in parts[:-1] if part != "public"), "ACCESS EXCLUSIVE", f"DROP {kind}")


def _rename(node: Any, _: set[str]) -> Iterator[Lock]:
    if not node.relation.relname:
        return
    kind = enum_name("ObjectType", node.rename_type).removeprefix("OBJECT_")
    if kind == "INDEX":
        yield Lock(f"index {table_name(node.relation)}", "SHARE UPDATE EXCLUSIVE", "ALTER INDEX RENAME")
        return
    reasons = {"COLUMN": f"RENAME COLUMN {node.subname}", "TABCONSTRAINT": f"RENAME CONSTRAINT {node.subname}"}
    yield Lock(table_name(node.relation), "ACCESS EXCLUSIVE", reasons.get(kind, f"RENAME TO {node.newname}"))


def _truncate(node: Any, _: set[str]) -> Iterator[Lock]:
    for relation in node.relations:
        yield Lock(table_name(relation.range_var), "ACCESS EXCLUSIVE", "TRUNCATE")


def _row_changes(command: str) -> Any:
    def read(node: Any, _: set[str]) -> Iterator[Lock]:
        if node.relation.relname:
            yield Lock(table_name(node.relation), "ROW EXCLUSIVE", f"{command}, which locks the rows that it changes")

    return read


def _table_lock(mode: str, reason: str) -> Any:
    def read(node: Any, _: set[str]) -> Iterator[Lock]:
        if node.relation.relname:
            yield Lock(table_name(node.relation), mode, reason)

    return read


def _policy(node: Any, _: set[str]) -> Iterator[Lock]:
    yield Lock(table_name(node.table), "ACCESS EXCLUSIVE", "a policy")


def _lock_table(node: Any, _: set[str]) -> Iterator[Lock]:
    for relation in node.relations:
        yield Lock(table_name(relation.range_var), MODES[node.mode - 1], "LOCK TABLE")


def _vacuum(node: Any, _: set[str]) -> Iterator[Lock]:
    full = any(option.def_elem.defname == "full" for option in node.options)
    mode = "ACCESS EXCLUSIVE" if full else "SHARE UPDATE EXCLUSIVE"
    command = "VACUUM FULL" if full else "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    for relation in node.rels:
        yield Lock(table_name(relation.vacuum_relation.relation), mode, command)


def _reindex(node: Any, _: set[str]) -> Iterator[Lock]:
    concurrent = any(option.def_elem.defname == "concurrently" for option in node.params)
    name = table_name(node.relation) if node.relation.relname else node.name or "the database"
    kind = enum_name("ReindexObjectType", node.kind).removeprefix("REINDEX_OBJECT_")
    mode = "SHARE UPDATE EXCLUSIVE" if concurrent else "SHARE"
    yield Lock(f"the table of index {name}" if kind == "INDEX" else name, mode, "REINDEX, which builds over all rows")


def _refresh(node: Any, _: set[str]) -> Iterator[Lock]:
    mode = "EXCLUSIVE" if node.concurrent else "ACCESS EXCLUSIVE"
    yield Lock(table_name(node.relation), mode, "REFRESH MATERIALIZED VIEW")


def _alter(node: Any, _: set[str]) -> Iterator[Lock]:
    kind = enum_name("ObjectType", node.objtype).removeprefix("OBJECT_")
    name = table_name(node.relation)
    if kind == "INDEX":
        yield Lock(f"index {name}", "SHARE UPDATE EXCLUSIVE", "ALTER INDEX")
        return
    if kind not in ("TABLE", "FOREIGN_TABLE", "MATVIEW"):
        return
    for command in node.cmds:
        mode, reason, referenced = alter_table_lock(command.alter_table_cmd)
        yield Lock(name, mode, reason)
        if referenced is not None:
            yield Lock(table_name(referenced), "SHARE ROW EXCLUSIVE", f"a foreign key of {name}")


def _do_block(node: Any, created: set[str]) -> Iterator[Lock]:
    """The locks of the static statements in the body of a DO block."""
    body = next((argument.def_elem.arg.string.sval for argument in node.args if argument.def_elem.defname == "as"), "")
    quote = "$promote_body$"
    try:
        parsed = parse_plpgsql(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {quote}{body}{quote}")
    except (SqlSyntaxError, RecursionError, ValueError):
        yield Lock(UNREADABLE, MODES[-1], "a DO block")
        return
    dynamic = False
    for kind, value in _walk_json(parsed):
        if kind == "PLpgSQL_stmt_execsql":
            yield from _locks_of_script(value["sqlstmt"]["PLpgSQL_expr"]["query"], created)
        dynamic = dynamic or kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")
    if dynamic:
        yield Lock(UNREADABLE, MODES[-1], "EXECUTE in a DO block")


def _walk_json(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value[:1] in "[{":
        value = json.loads(value)
    if isinstance(value, dict):
        for kind, inner in value.items():
            yield kind, inner
            yield from _walk_json(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk_json(inner)


_LOCK_READERS: dict[str, Any] = {
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "index_stmt": _index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _table_lock("ACCESS EXCLUSIVE", "SET SCHEMA"),
    "alter_table_stmt": _alter,
    "truncate_stmt": _truncate,
    "insert_stmt": _row_changes("INSERT"),
    "update_stmt": _row_changes("UPDATE"),
    "delete_stmt": _row_changes("DELETE"),
    "merge_stmt": _row_changes("MERGE"),
    "create_trig_stmt": _table_lock("SHARE ROW EXCLUSIVE", "CREATE TRIGGER"),
    "rule_stmt": _table_lock("ACCESS EXCLUSIVE", "CREATE RULE"),
    "create_policy_stmt": _policy,
    "alter_policy_stmt": _policy,
    "lock_stmt": _lock_table,
    "cluster_stmt": _table_lock("ACCESS EXCLUSIVE", "CLUSTER, which writes the table anew"),
    "vacuum_stmt": _vacuum,
    "reindex_stmt": _reindex,
    "refresh_mat_view_stmt": _refresh,
    "do_stmt": _do_block,
}
