"""Rows that are to come again and the rows that they need: those that are there, or come again too."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import name_of
from minerva_promote.undo.table_catalog import Key, Table, Wire, key_arrays, query_text, read_tables, statement_bytes


@dataclass(slots=True)
class RequiredParent:
    """Values of some columns that a parent has to have."""

    what: str
    child: str
    columns: tuple[str, ...]
    parent: Table
    parent_columns: tuple[str, ...]
    array: bool = False
    values: dict[Key, None] = field(default_factory=dict)

    def note(self, columns: Sequence[str], rows: Sequence[Key]) -> None:
        """Take the values of some rows; NULL needs no parent."""
        places = [columns.index(name) for name in self.columns]
        for row in rows:
            value = tuple(row[place] for place in places)
            if self.array:
                self.values.update(((each,), None) for each in array_elements(value[0]) if each is not None)
            elif None not in value:
                self.values[value] = None


def required_parents(conn: Connection, contract: Contract, tables: Mapping[str, Table]) -> list[RequiredParent]:
    """What rows of some tables need: by foreign keys, and by the contract's word."""
    by_oid = {table.oid: name for name, table in tables.items()}
    rows = fetch(conn, query_text("parents"), {"tables": sorted(by_oid)})
    told = [
        (child, column, parent)
        for child, rule in contract.tables.items()
        if child in tables
        for column, parent in {**rule.belongs_to, **rule.references}.items()
    ]
    names = {f"{row['schema']}.{row['parent']}" for row in rows} | {f"public.{parent}" for _, _, parent in told}
    found = read_tables(conn, names)
    needs = [
        RequiredParent(
            f"foreign key {row['name']}",
            by_oid[row["child"]],
            tuple(row["columns"]),
            found[name_of(row["schema"], row["parent"])],
            tuple(row["parent_columns"]),
        )
        for row in rows
    ]
    known = {(need.child, need.columns) for need in needs}
    for child, column, parent in told:
        key = contract.tables[parent].key[0]
        if (child, (column,)) in known or parent not in found or column not in tables[child].columns:
            continue
        array = tables[child].columns[column].is_array
        what = f"{child}.{column}, a reference of the contract"
        needs.append(RequiredParent(what, child, (column,), found[parent], (key,), array))
    return needs


def find_missing_parents(pipe: Pipelined, need: RequiredParent, coming: set[Key]) -> list[Key]:
    """The values that no row of the parent has, and none of those that come again."""
    wanted = [value for value in need.values if value not in coming]
    pipe.doing = f"looking for rows of {need.parent.name}"
    lacking: list[Key] = []
    for begin in range(0, len(wanted), 10_000):
        keys = key_arrays(need.parent, need.parent_columns, wanted[begin : begin + 10_000])
        statement = sql.SQL("select {} from {} where not exists (select from {} p where {})").format(
            sql.SQL(", ").join(sql.Identifier("going", f"k{place}") for place in range(len(keys.columns))),
            keys.source,
            need.parent.source,
            keys.equal("p"),
        )
        lacking += pipe.ask(statement_bytes(statement), keys.types, keys.values)
    return lacking


def array_elements(wire: Wire) -> Iterator[Wire]:
    """The elements of an array in wire form, whatever its dimensions."""
    if wire is None:
        return
    dimensions, _, _ = struct.unpack_from(">iii", wire)
    place = 12 + 8 * dimensions
    while dimensions and place < len(wire):
        (length,) = struct.unpack_from(">i", wire, place)
        place += 4
        yield None if length < 0 else wire[place : place + length]
        place += max(length, 0)
