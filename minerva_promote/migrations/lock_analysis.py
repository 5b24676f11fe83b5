"""What a migration's SQL locks: tables, lock modes, and why, as PostgreSQL's documentation of each command says.

Read from the statements alone, by PostgreSQL's own parser. Tables that the same script makes are left out: nobody else
sees them. What a function or a dynamic statement does cannot be read, and is said to be so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minerva_promote.migrations.alter_table_locks import altered
from minerva_promote.sql_parser import SqlSyntaxError, enum_name, parse, parse_plpgsql

# Weakest first, as far as migrations take them.
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
# What each keeps others from doing, where that is something that searches and imports do.
BLOCKS = {
    "ACCESS EXCLUSIVE": "nobody reads or writes it meanwhile",
    "EXCLUSIVE": "nobody writes to it meanwhile",
    "SHARE ROW EXCLUSIVE": "nobody writes to it meanwhile",
    "SHARE": "nobody writes to it meanwhile",
}
UNREADABLE = "?"  # in the place of a table


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock that one statement takes."""

    table: str  # as the statement spells it, without public; UNREADABLE
    mode: str
    why: str  # "CREATE INDEX ix_chunks_book_id"


def locks_of(sql: str, made: set[str]) -> tuple[Lock, ...]:
    """The strongest lock on each table, in the order of the statements; with every reason that has that mode.

    ``made`` are the tables that the script made so far, and takes those that this part makes.
    """
    found: dict[str, Lock] = {}
    for lock in _all(sql, made):
        if lock.table in made:
            continue
        known = found.get(lock.table)
        if known is None or MODES.index(lock.mode) > MODES.index(known.mode):
            found[lock.table] = lock
        elif known.mode == lock.mode and lock.why not in known.why.split("; "):
            found[lock.table] = Lock(lock.table, lock.mode, f"{known.why}; {lock.why}")
    return tuple(found.values())


def told(lock: Lock) -> str:
    """One sentence."""
    if lock.table == UNREADABLE:
        return f"{lock.why}: what it locks cannot be read"
    blocks = f"; {BLOCKS[lock.mode]}" if lock.mode in BLOCKS else ""
    return f"{lock.table}: {lock.mode} for {lock.why}{blocks}"


def statements(sql: str) -> Iterator[Any]:
    """The parsed statements; nothing for SQL that PostgreSQL's parser refuses, which the server will tell."""
    try:
        parsed = parse(sql)
    except (SqlSyntaxError, RecursionError):
        return
    for raw in parsed.stmts:
        yield raw.stmt


def _all(sql: str, made: set[str]) -> Iterator[Lock]:
    for statement in statements(sql):
        kind = statement.WhichOneof("node") or ""
        node = getattr(statement, kind)
        yield from _of(kind, node, made)


def name_of(relation: Any) -> str:
    """A table as people write it."""
    schema = relation.schemaname
    return f"{schema}.{relation.relname}" if schema not in ("", "public") else str(relation.relname)


def _of(kind: str, node: Any, made: set[str]) -> Iterator[Lock]:
    reader = _READERS.get(kind)
    if reader is not None:
        yield from reader(node, made)


def _create_table(node: Any, made: set[str]) -> Iterator[Lock]:
    name = name_of(node.relation)
    made.add(name)
    for element in node.table_elts:
        constraints = [element.constraint] if element.HasField("constraint") else list(element.column_def.constraints)
        for each in constraints:
            each = each.constraint if hasattr(each, "constraint") and each.HasField("constraint") else each
            if each.pktable.relname:
                yield Lock(name_of(each.pktable), "SHARE ROW EXCLUSIVE", f"a foreign key of the new table {name}")


def _create_table_as(node: Any, made: set[str]) -> Iterator[Lock]:
    made.add(name_of(node.into.rel))
    return iter(())


def _index(node: Any, _: set[str]) -> Iterator[Lock]:
    what = f"INDEX {node.idxname}".rstrip()
    if node.concurrent:
        yield Lock(name_of(node.relation), "SHARE UPDATE EXCLUSIVE", f"CREATE {what} CONCURRENTLY")
    else:
        yield Lock(name_of(node.relation), "SHARE", f"CREATE {what}, which is built over all rows")


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
        yield Lock(f"index {name_of(node.relation)}", "SHARE UPDATE EXCLUSIVE", "ALTER INDEX RENAME")
        return
    what = {"COLUMN": f"RENAME COLUMN {node.subname}", "TABCONSTRAINT": f"RENAME CONSTRAINT {node.subname}"}
    yield Lock(name_of(node.relation), "ACCESS EXCLUSIVE", what.get(kind, f"RENAME TO {node.newname}"))


def _truncate(node: Any, _: set[str]) -> Iterator[Lock]:
    for each in node.relations:
        yield Lock(name_of(each.range_var), "ACCESS EXCLUSIVE", "TRUNCATE")


def _rows(what: str) -> Any:
    def read(node: Any, _: set[str]) -> Iterator[Lock]:
        if node.relation.relname:
            yield Lock(name_of(node.relation), "ROW EXCLUSIVE", f"{what}, which locks the rows that it changes")

    return read


def _one(mode: str, what: str) -> Any:
    def read(node: Any, _: set[str]) -> Iterator[Lock]:
        if node.relation.relname:
            yield Lock(name_of(node.relation), mode, what)

    return read


def _policy(node: Any, _: set[str]) -> Iterator[Lock]:
    yield Lock(name_of(node.table), "ACCESS EXCLUSIVE", "a policy")


def _lock(node: Any, _: set[str]) -> Iterator[Lock]:
    for each in node.relations:
        yield Lock(name_of(each.range_var), MODES[node.mode - 1], "LOCK TABLE")


def _vacuum(node: Any, _: set[str]) -> Iterator[Lock]:
    full = any(option.def_elem.defname == "full" for option in node.options)
    mode = "ACCESS EXCLUSIVE" if full else "SHARE UPDATE EXCLUSIVE"
    what = "VACUUM FULL" if full else "VACUUM" if node.is_vacuumcmd else "ANALYZE"
    for each in node.rels:
        yield Lock(name_of(each.vacuum_relation.relation), mode, what)


def _reindex(node: Any, _: set[str]) -> Iterator[Lock]:
    concurrent = any(option.def_elem.defname == "concurrently" for option in node.params)
    name = name_of(node.relation) if node.relation.relname else node.name or "the database"
    kind = enum_name("ReindexObjectType", node.kind).removeprefix("REINDEX_OBJECT_")
    mode = "SHARE UPDATE EXCLUSIVE" if concurrent else "SHARE"
    yield Lock(f"the table of index {name}" if kind == "INDEX" else name, mode, "REINDEX, which builds over all rows")


def _refresh(node: Any, _: set[str]) -> Iterator[Lock]:
    mode = "EXCLUSIVE" if node.concurrent else "ACCESS EXCLUSIVE"
    yield Lock(name_of(node.relation), mode, "REFRESH MATERIALIZED VIEW")


def _alter(node: Any, _: set[str]) -> Iterator[Lock]:
    kind = enum_name("ObjectType", node.objtype).removeprefix("OBJECT_")
    name = name_of(node.relation)
    if kind == "INDEX":
        yield Lock(f"index {name}", "SHARE UPDATE EXCLUSIVE", "ALTER INDEX")
        return
    if kind not in ("TABLE", "FOREIGN_TABLE", "MATVIEW"):
        return
    for command in node.cmds:
        mode, what, other = altered(command.alter_table_cmd)
        yield Lock(name, mode, what)
        if other is not None:
            yield Lock(name_of(other), "SHARE ROW EXCLUSIVE", f"a foreign key of {name}")


def _do(node: Any, made: set[str]) -> Iterator[Lock]:
    """What is plain in the body; a statement that is put together there cannot be read."""
    body = next((each.def_elem.arg.string.sval for each in node.args if each.def_elem.defname == "as"), "")
    quote = "$promote_body$"
    try:
        parsed = parse_plpgsql(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {quote}{body}{quote}")
    except (SqlSyntaxError, RecursionError, ValueError):
        yield Lock(UNREADABLE, MODES[-1], "a DO block")
        return
    dynamic = False
    for kind, value in _nested(parsed):
        if kind == "PLpgSQL_stmt_execsql":
            yield from _all(value["sqlstmt"]["PLpgSQL_expr"]["query"], made)
        dynamic = dynamic or kind in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")
    if dynamic:
        yield Lock(UNREADABLE, MODES[-1], "EXECUTE in a DO block")


def _nested(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value[:1] in "[{":
        value = json.loads(value)
    if isinstance(value, dict):
        for kind, inner in value.items():
            yield kind, inner
            yield from _nested(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nested(inner)


_READERS: dict[str, Any] = {
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "index_stmt": _index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _one("ACCESS EXCLUSIVE", "SET SCHEMA"),
    "alter_table_stmt": _alter,
    "truncate_stmt": _truncate,
    "insert_stmt": _rows("INSERT"),
    "update_stmt": _rows("UPDATE"),
    "delete_stmt": _rows("DELETE"),
    "merge_stmt": _rows("MERGE"),
    "create_trig_stmt": _one("SHARE ROW EXCLUSIVE", "CREATE TRIGGER"),
    "rule_stmt": _one("ACCESS EXCLUSIVE", "CREATE RULE"),
    "create_policy_stmt": _policy,
    "alter_policy_stmt": _policy,
    "lock_stmt": _lock,
    "cluster_stmt": _one("ACCESS EXCLUSIVE", "CLUSTER, which writes the table anew"),
    "vacuum_stmt": _vacuum,
    "reindex_stmt": _reindex,
    "refresh_mat_view_stmt": _refresh,
    "do_stmt": _do,
}
