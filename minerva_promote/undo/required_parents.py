"""The rows that restored rows refer to: they must exist, or be restored as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.pipeline import Pipelined
from minerva_promote.database.quote import name_of
from minerva_promote.exportfile.row_keys import array_elements, as_width_of, reference_name
from minerva_promote.undo.table_catalog import Key, Table, key_arrays, query_text, read_tables, statement_bytes

_BATCH = 10_000  # keys of one query


@dataclass(slots=True)
class RequiredParent:
    """A reference of restored rows, and the values that rows of the parent must have."""

    description: str  # "foreign key chunks_book_id_fkey"
    child: str
    columns: tuple[str, ...]  # of the child
    parent: Table
    parent_columns: tuple[str, ...]
    array: bool = False  # the child's column is an array of keys
    values: dict[Key, None] = field(default_factory=dict)  # distinct, in the order of the rows

    def add_rows(self, columns: Sequence[str], rows: Sequence[Key]) -> None:
        """Add the values of some rows; NULL needs no parent."""
        indexes = [columns.index(name) for name in self.columns]
        types = [self.parent.columns[name].type for name in self.parent_columns]
        for row in rows:
            value = tuple(row[index] for index in indexes)
            if self.array:
                elements = array_elements(value[0])
                self.values.update(
                    ((as_width_of(element, types[0]),), None) for element in elements if element is not None
                )
            elif None not in value:
                self.values[tuple(as_width_of(part, type_) for part, type_ in zip(value, types, strict=True))] = None


def required_parents(conn: Connection, contract: Contract, tables: Mapping[str, Table]) -> list[RequiredParent]:
    """The references of some tables: foreign keys, and those that the contract declares. Their values are empty."""
    by_oid = {table.oid: name for name, table in tables.items()}
    rows = fetch(conn, query_text("parents"), {"tables": sorted(by_oid)})
    declared = [
        (child, reference) for child, rule in contract.tables.items() if child in tables for reference in rule.parents
    ]
    names = {f"{row['schema']}.{row['parent']}" for row in rows} | {reference.table for _, reference in declared}
    parents = read_tables(conn, names)
    required = [
        RequiredParent(
            f"foreign key {row['name']}",
            by_oid[row["child"]],
            tuple(row["columns"]),
            parents[name_of(row["schema"], row["parent"])],
            tuple(row["parent_columns"]),
        )
        for row in rows
    ]
    known = {(item.child, frozenset(item.columns)) for item in required}
    for child, reference in declared:
        parent, columns = reference.table, reference.columns
        if (
            (child, frozenset(columns)) in known
            or parent not in parents
            or any(column not in tables[child].columns for column in columns)
        ):
            continue
        key = contract.tables[parent].key[: len(columns)]
        array = len(columns) == 1 and tables[child].columns[columns[0]].is_array
        description = f"{reference_name(child, reference)}, a reference of the contract"
        required.append(RequiredParent(description, child, columns, parents[parent], key, array))
    return required


def find_missing_parents(pipe: Pipelined, required: RequiredParent, restored: Collection[Key]) -> list[Key]:
    """The values that no row of the parent has, and none of its ``restored`` rows."""
    parent = required.parent
    wanted = [value for value in required.values if value not in restored]
    pipe.doing = f"looking for rows of {parent.name}"
    missing: list[Key] = []
    for begin in range(0, len(wanted), _BATCH):
        keys = key_arrays(parent, required.parent_columns, wanted[begin : begin + _BATCH])
        statement = sql.SQL("select {} from {} where not exists (select from {} p where {})").format(
            sql.SQL(", ").join(sql.Identifier(keys.alias, f"k{index}") for index in range(len(keys.columns))),
            keys.source,
            parent.source,
            keys.equal("p"),
        )
        missing += pipe.ask(statement_bytes(statement), keys.types, keys.values)
    return missing
