"""Rows of others that depend on rows which are to go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.database.pipeline import Pipelined
from minerva_promote.ledger.run_rows import pack_values, stored_names
from minerva_promote.undo.row_references import RowReference
from minerva_promote.undo.rows_to_remove import TableRows
from minerva_promote.undo.table_catalog import Key, KeyArrays, encode_array, key_arrays, statement_bytes

SHOWN = 5  # of one link
_BATCH = 100_000  # keys of one query
_TEXT_OID = 25
_TEXTS_OID = 1009
_BYTEA_OID = 17


@dataclass(frozen=True, slots=True)
class DependentRow:
    """One row that is not going, and a row that it depends on, the first of them."""

    key: str  # as text; where it has no key, where it stands in the table
    on: str
    run: str = ""  # the run that added it, where the ledger knows


@dataclass(slots=True)
class DependentRows:
    """What one link brought to light."""

    link: RowReference
    count: int = 0
    first: list[DependentRow] = field(default_factory=list)


def find_dependents(
    pipe: Pipelined, links: Iterable[RowReference], going: Mapping[str, TableRows]
) -> Iterator[DependentRows]:
    """Per link, the rows that are not going themselves and depend on one that is; only links that have some."""
    for link in links:
        keys = going[link.parent.name].keys
        found = DependentRows(link)
        pipe.doing = f"looking for rows of {link.child.name} that depend on {link.parent.name}"
        # A row that may depend on several is asked for once, as it counts once.
        size = max(len(keys), 1) if link.array or link.temporal else _BATCH
        for begin in range(0, len(keys), size):
            _ask(pipe, link, going, keys[begin : begin + size], found)
        if found.count:
            yield found


def _ask(
    pipe: Pipelined, link: RowReference, going: Mapping[str, TableRows], keys: Sequence[Key], found: DependentRows
) -> None:
    parent, child = link.parent, link.child
    theirs = key_arrays(parent, going[parent.name].key, keys)
    own = going.get(child.name)
    ours: KeyArrays | None = None
    if own is not None and own.keys:
        ours = key_arrays(child, own.key, own.keys, alias="ours", first=1 + len(theirs.types))
    child_key = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier("c", name)) for name in child.key)
    statement = sql.SQL(
        "select (count(*) over ())::text, {}::text, min({}::text){} from {}, {} p where {} and exists (select from {}"
        " where {}) and {} group by c.tableoid, c.ctid{} order by 2 limit {}"
    ).format(
        _as_text("c", child.key),
        _as_text("p", parent.key),
        child_key,
        _source(link),
        parent.source,
        _joined(link),
        theirs.source,
        theirs.equal("p"),
        sql.SQL("true")
        if ours is None
        else sql.SQL("not exists (select from {} where {})").format(ours.source, ours.equal("c")),
        child_key,
        sql.Literal(SHOWN),
    )
    types = theirs.types + (ours.types if ours else [])
    values = theirs.values + (ours.values if ours else [])
    rows = pipe.ask(statement_bytes(statement), types, values)
    for row in rows:
        if len(found.first) < SHOWN:
            texts = [(value or b"").decode("utf-8", "replace") for value in row[:3]]
            found.first.append(DependentRow(texts[1], texts[2], _added_by(pipe, link, row[3:])))
    if rows:
        found.count += int(rows[0][0] or b"0")


def _source(link: RowReference) -> sql.Composable:
    """The child as c; the elements of its array as e, each once."""
    child = sql.SQL("{} c").format(link.child.source)
    if not link.array:
        return child
    return sql.SQL("{} cross join lateral (select distinct v from unnest({}) u (v)) e").format(
        child, sql.Identifier("c", link.columns[0])
    )


def _joined(link: RowReference) -> sql.Composable:
    """How a row of the child finds its parent."""
    if link.array:
        return sql.SQL("{} = e.v").format(sql.Identifier("p", link.parent_columns[0]))
    last = len(link.columns) - 1
    return sql.SQL(" and ").join(
        sql.SQL("{} {} {}").format(
            sql.Identifier("c", ours),
            sql.SQL("&&" if link.temporal and place == last else "="),
            sql.Identifier("p", theirs),
        )
        for place, (ours, theirs) in enumerate(zip(link.columns, link.parent_columns, strict=True))
    )


def _as_text(alias: str, key: Sequence[str]) -> sql.Composable:
    if not key:
        return sql.Identifier(alias, "ctid")
    return sql.SQL("concat_ws(', ', {})").format(sql.SQL(", ").join(sql.Identifier(alias, name) for name in key))


# The keys of a run's rows stand one after the other in pieces of bytes.
_ADDED_BY = b"""
select r.run_id::text from promote.run_rows r join promote.events e on e.run_id = r.run_id and e.kind = 'committed'
where (r.xact = e.xact or e.format < 3) and r.table_name = any ($1) and position($2 in r.keys) > 0
  and not exists (
      select from promote.events u where u.kind = 'undone' and u.subject = r.run_id
      and not exists (select from promote.events b where b.kind = 'restored' and b.subject = u.run_id))
limit 1
"""


def _added_by(pipe: Pipelined, link: RowReference, key: Key) -> str:
    """The run that added a row; empty for rows of others."""
    if not key:
        return ""
    doing, names = pipe.doing, encode_array(_TEXT_OID, [name.encode() for name in stored_names(link.child.name)])
    found = pipe.ask(_ADDED_BY, (_TEXTS_OID, _BYTEA_OID), (names, pack_values(key)))
    pipe.doing = doing
    return (found[0][0] or b"").decode() if found else ""
