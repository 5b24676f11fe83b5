"""What a target holds of a vector column, drawn at random and bounded: at most so many rows, pages and seconds."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from psycopg import sql

from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, qualified
from minerva_promote.database.read_only import QueryTimeoutError, read_only, run_query
from minerva_promote.embedding.model import NULL, ConfigRow, Space, SpaceSample, Text
from minerva_promote.exportfile.row_decoder import Value
from minerva_promote.exportfile.row_keys import key_reader
from minerva_promote.exportfile.types.by_name import is_server_read

SAMPLE = 512  # vectors: 3.1 MB of 1,536 dimensions each
PAGES = 4000  # of the table, its vectors and long texts left out; a bigger one is sampled by the server
TEXT_TIMEOUT = "5s"  # of looking for the same texts: it reads the table once
PAIRS = 256  # of the same text, compared
MOST_FURTHER = 3 * SAMPLE  # vectors that are read beyond the sample, where rows of the file may be among them


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of a file, which are left out of what its target is sampled for.

    Rows that the current transaction has inserted are left out in any case.
    """

    roots: Sequence[str] = ()  # keys of its roots, as text of their column; empty where these are of several tables
    keys: Mapping[str, Collection[bytes]] = field(default_factory=dict)  # by table, as ``key_reader`` makes them
    stored: Mapping[str, int] = field(default_factory=dict)  # by table: how many were in the target before


def has_unknown_keys(space: Space, file: FileRows) -> bool:
    """Whether the target had rows of the file before that cannot be found by their key.

    Values of some types are only read by the server, which may store them in another form than the file has.
    """
    if space.root is not None or not file.stored.get(space.table, 0):
        return False
    return any(is_server_read(type_name) for type_name in space.key_types)


_SIZE = b"""
select greatest(reltuples, 0)::bigint, pg_relation_size(oid) / current_setting('block_size')::int
from pg_class where oid = to_regclass($1)
"""


def read_target_sample(conn: Connection, space: Space, file: FileRows, timeout: str) -> SpaceSample:
    """Vectors of the target that are of no row of the file, and all its embedding configs.

    The same rows as long as the table is the same. Raises QueryError and TargetError.
    """
    name = qualified(space.table).as_string(None)
    further = 0 if space.root else min(file.stored.get(space.table, 0), MOST_FURTHER)
    with read_only(conn, timeout):
        estimated_rows, pages = next(iter(run_query(conn, _SIZE, [name]).rows), (0, 0))
        query = _sample_query(space, pages, SAMPLE + further)
        sampled = tuple(_others(space, file, run_query(conn, query, _roots_parameter(space, file)).rows))
        configs = run_query(conn, _configs_query(space)).rows if space.config_table else ()
    return SpaceSample(
        space,
        max(estimated_rows, len(sampled)),
        tuple(row[1] for row in sampled),
        (None,) * len(sampled),
        tuple(row[2] for row in sampled),
        frozenset(row[3] for row in sampled if row[3] is not None),
        tuple(ConfigRow(row[0], tuple(row[2:]), row[1]) for row in configs),
    )


def find_same_texts(conn: Connection, sample: SpaceSample, file: FileRows) -> tuple[tuple[Text, bytes], ...] | None:
    """Texts of the sample that the target has too, each with a vector of the target; None: not found out in time.

    The length is compared first, which does not read a long text. Raises QueryError and TargetError.
    """
    texts = sorted({text for text in sample.texts if text is not None})
    space = sample.space
    if not texts or space.text is None:
        return ()
    parameters = [[text.size for text in texts], [text.sha256 for text in texts], *_roots_parameter(space, file)]
    try:
        with read_only(conn, TEXT_TIMEOUT):
            rows = run_query(conn, _texts_query(space), parameters).rows
    except QueryTimeoutError:
        return None
    return tuple((Text(row[1], row[2]), row[3]) for row in _others(space, file, rows))


def _others(space: Space, file: FileRows, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The rows, at most the size of a sample, whose key is none of the file; it is their first value."""
    keys = file.keys.get(space.table, ())
    read_key = key_reader(range(len(space.key)), space.key_types) if keys and not space.root else None
    others = (row for row in rows if read_key is None or read_key(_record_values(row[0])) not in keys)
    return islice(others, SAMPLE)


def _record_values(wire: bytes) -> list[Value]:
    """The values of a row in the binary form of record_send(): their number, then type, length and bytes of each."""
    (count,) = struct.unpack_from(">i", wire)
    values: list[Value] = []
    position = 4
    for _ in range(count):
        (length,) = struct.unpack_from(">i", wire, position + 4)
        position += 8
        values.append(None if length < 0 else wire[position : position + length])
        position += max(length, 0)
    return values


def _roots_parameter(space: Space, file: FileRows) -> list[list[str]]:
    return [list(file.roots)] if space.root else []


def _sample_query(space: Space, pages: int, limit: int) -> bytes:
    share = "" if pages <= PAGES else f" tablesample system ({100 * PAGES / pages:.6f}) repeatable (0)"
    statement = sql.SQL(
        "select {record}, {vector}, {root}, {config} from {table}{share} where {vector} is not null{others}"
        " order by hashtextextended({key}, 0) limit {limit}"
    )
    return statement.format(
        record=_record(space),
        vector=ident(space.column),
        root=_as_text(space.root, f"'{NULL}'"),
        config=_as_text(space.config, "null::text"),
        table=qualified(space.table),
        share=sql.SQL(share),
        others=_others_condition(space, 1),
        key=sql.SQL(" || ").join(_as_text(name, "") for name in space.key),
        limit=sql.Literal(limit),
    ).as_bytes(None)


def _configs_query(space: Space) -> bytes:
    statement = sql.SQL("select {}, {}, {} from {} order by 1")
    assert space.config_table is not None
    identity = [sql.SQL(f"coalesce({{}}::text, '{NULL}')").format(ident(name)) for name in space.identity]
    return statement.format(
        _as_text(space.config_key, "null::text"),
        ident(space.active) if space.active else sql.SQL("null::boolean"),
        sql.SQL(", ").join(identity),
        qualified(space.config_table),
    ).as_bytes(None)


def _texts_query(space: Space) -> bytes:
    statement = sql.SQL(
        "select {record}, octet_length({text}), sha256(convert_to({text}, 'UTF8')), {vector} from {table}"
        " where {vector} is not null{others} and case when octet_length({text}) = any ($1::int[])"
        " then sha256(convert_to({text}, 'UTF8')) = any ($2::bytea[]) else false end limit {limit}"
    )
    return statement.format(
        record=_record(space),
        text=ident(space.text or ""),
        vector=ident(space.column),
        table=qualified(space.table),
        others=_others_condition(space, 3),
        limit=sql.Literal(PAIRS),
    ).as_bytes(None)


def _record(space: Space) -> sql.Composable:
    """The key of a row, each value in its binary form."""
    return sql.SQL("record_send(row({}))").format(sql.SQL(", ").join(map(ident, space.key)))


def _others_condition(space: Space, number: int) -> sql.Composable:
    """The condition that leaves out what this transaction has inserted, and the rows of the file's own roots."""
    new = sql.SQL(" and xmin is distinct from pg_current_xact_id_if_assigned()::xid")
    if space.root is None:
        return new
    own = sql.SQL(" and ({}::text = any (${}::text[])) is not true")  # NULL is the root of no file
    return new + own.format(ident(space.root), sql.SQL(str(number)))


def _as_text(column: str | None, otherwise: str) -> sql.Composable:
    return sql.SQL("{}::text").format(ident(column)) if column else sql.SQL(otherwise)
