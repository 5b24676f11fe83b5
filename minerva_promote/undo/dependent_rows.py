"""Rows that are not removed and depend on rows that are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.database.pipeline import Pipelined
from minerva_promote.ledger.run_rows import pack_values, stored_names
from minerva_promote.undo.row_references import RowReference
from minerva_promote.undo.rows_to_remove import TableRows
from minerva_promote.undo.table_catalog import Key, Table, encode_array, key_arrays, query_text, statement_bytes

MAX_NAMED = 5  # rows of one reference
_BATCH = 100_000  # keys of one query
_TEXT_OID = 25
_TEXTS_OID = 1009
_BYTEA_OID = 17


@dataclass(frozen=True, slots=True)
class DependentRow:
    """A row that is not removed, and the first of the removed rows that it depends on."""

    key: str  # as text; its ctid where the table has no primary key
    on: str  # the removed row's key, as text
    run: str = ""  # the id of the run that added it; "" where the ledger has none


@dataclass(slots=True)
class DependentRows:
    """The rows that depend on removed ones by one reference."""

    reference: RowReference
    count: int = 0
    first: list[DependentRow] = field(default_factory=list)  # MAX_NAMED of them at most


def find_dependents(
    pipe: Pipelined, references: Iterable[RowReference], removed: Mapping[str, TableRows]
) -> Iterator[DependentRows]:
    """The rows that depend on removed ones and are not removed themselves; only references that have some."""
    for reference in references:
        keys = removed[reference.parent.name].keys
        dependents = DependentRows(reference)
        pipe.doing = f"looking for rows of {reference.child.name} that depend on {reference.parent.name}"
        # A row that may depend on several is searched for once, as it counts once.
        size = max(len(keys), 1) if reference.array or reference.temporal else _BATCH
        for begin in range(0, len(keys), size):
            _add_dependents(pipe, dependents, removed, keys[begin : begin + size])
        if dependents.count:
            yield dependents


def _add_dependents(
    pipe: Pipelined, dependents: DependentRows, removed: Mapping[str, TableRows], keys: Sequence[Key]
) -> None:
    """Add the rows that depend on one of these keys of the parent."""
    reference = dependents.reference
    parent, child = reference.parent, reference.child
    parent_keys = key_arrays(parent, removed[parent.name].key, keys)
    types, values = parent_keys.types, parent_keys.values
    not_removed: sql.Composable = sql.SQL("true")
    own = removed.get(child.name)
    if own is not None and own.keys:
        child_keys = key_arrays(child, own.key, own.keys, alias="ours", first=1 + len(types))
        types, values = types + child_keys.types, values + child_keys.values
        not_removed = sql.SQL("not exists (select from {} where {})").format(child_keys.source, child_keys.equal("c"))
    child_key = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier("c", name)) for name in child.key)
    statement = sql.SQL(
        "select (count(*) over ())::text, {}::text, min({}::text){} from {}, {} p where {} and exists (select from {}"
        " where {}) and {} group by c.tableoid, c.ctid{} order by 2 limit {}"
    ).format(
        _as_text("c", child.key),
        _as_text("p", parent.key),
        child_key,
        _source(reference),
        parent.source,
        _refers(reference),
        parent_keys.source,
        parent_keys.equal("p"),
        not_removed,
        child_key,
        sql.Literal(MAX_NAMED),
    )
    rows = pipe.ask(statement_bytes(statement), types, values)
    for row in rows:
        if len(dependents.first) < MAX_NAMED:
            texts = [(value or b"").decode("utf-8", "replace") for value in row[:3]]
            dependents.first.append(DependentRow(texts[1], texts[2], _added_by(pipe, child, row[3:])))
    if rows:
        dependents.count += int(rows[0][0] or b"0")


def _source(reference: RowReference) -> sql.Composable:
    """The child as c; the elements of its array as e, each once."""
    child = sql.SQL("{} c").format(reference.child.source)
    if not reference.array:
        return child
    return sql.SQL("{} cross join lateral (select distinct v from unnest({}) u (v)) e").format(
        child, sql.Identifier("c", reference.columns[0])
    )


def _refers(reference: RowReference) -> sql.Composable:
    """The condition that a row of the child refers to a row of the parent."""
    if reference.array:
        return sql.SQL("{} = e.v").format(sql.Identifier("p", reference.parent_columns[0]))
    operators = ["="] * len(reference.columns)
    if reference.temporal:
        operators[-1] = "&&"
    return sql.SQL(" and ").join(
        sql.SQL("{} {} {}").format(sql.Identifier("c", column), sql.SQL(operator), sql.Identifier("p", parent_column))
        for column, operator, parent_column in zip(reference.columns, operators, reference.parent_columns, strict=True)
    )


def _as_text(alias: str, key: Sequence[str]) -> sql.Composable:
    if not key:
        return sql.Identifier(alias, "ctid")
    return sql.SQL("concat_ws(', ', {})").format(sql.SQL(", ").join(sql.Identifier(alias, name) for name in key))


def _added_by(pipe: Pipelined, table: Table, key: Key) -> str:
    """The id of the run that added a row; "" where none did."""
    if not key:
        return ""
    doing, names = pipe.doing, encode_array(_TEXT_OID, [name.encode() for name in stored_names(table.name)])
    runs = pipe.ask(query_text("added_by"), (_TEXTS_OID, _BYTEA_OID), (names, pack_values(key)))
    pipe.doing = doing
    return (runs[0][0] or b"").decode() if runs else ""
