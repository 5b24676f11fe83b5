"""References by which a row depends on another: foreign keys of any table, and those that the contract declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.config.models.contract import Contract, Reference
from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of
from minerva_promote.exportfile.row_keys import reference_name
from minerva_promote.undo.table_catalog import Table, query_text, read_tables


@dataclass(frozen=True, slots=True)
class RowReference:
    """Rows of ``child`` depend on rows of ``parent``."""

    description: (
        str  # "foreign key chunks_book_id_fkey, ON DELETE CASCADE"; "chunks.book_id, a reference of the contract"
    )
    child: Table
    parent: Table
    columns: tuple[str, ...]  # of the child
    parent_columns: tuple[str, ...]
    array: bool = False  # the child's column is an array of keys
    temporal: bool = False  # the last columns are ranges that overlap
    of_contract: bool = False  # declared there only: no foreign key enforces it
    readable: bool = True  # whether the current role sees all rows of the child


def read_references(conn: Connection, contract: Contract, parents: Mapping[str, Table]) -> tuple[RowReference, ...]:
    """All references to rows of some tables."""
    by_oid = {table.oid: table for table in parents.values()}
    rows = fetch(conn, query_text("foreign_keys"), {"tables": sorted(by_oid)})
    declared = _contract_references(contract, parents)
    names = {f"{row['child_schema']}.{row['child_name']}" for row in rows} | {child for child, _ in declared}
    tables = {**read_tables(conn, names), **parents}
    references = [
        RowReference(
            f"foreign key {row['name']}, ON DELETE {row['on_delete']}",
            tables[name_of(row["child_schema"], row["child_name"])],
            by_oid[row["parent"]],
            tuple(row["columns"]),
            tuple(row["parent_columns"]),
            temporal=row["temporal"],
            readable=row["readable"],
        )
        for row in rows
    ]
    known = {(item.child.name, frozenset(item.columns), item.parent.name) for item in references}
    for child, reference in declared:
        table, columns, parent = tables.get(child), reference.columns, reference.table
        if (
            table is None
            or any(column not in table.columns for column in columns)
            or (child, frozenset(columns), parent) in known
        ):
            continue
        references.append(
            RowReference(
                f"{reference_name(child, reference)}, a reference of the contract",
                table,
                parents[parent],
                columns,
                contract.tables[parent].key[: len(columns)],
                array=len(columns) == 1 and table.columns[columns[0]].is_array,
                of_contract=True,
                readable=not table.row_security,
            )
        )
    return tuple(references)


def _contract_references(contract: Contract, parents: Mapping[str, Table]) -> list[tuple[str, Reference]]:
    """The references that the contract declares, each with the child."""
    return [
        (child, reference)
        for child, rule in contract.tables.items()
        for reference in rule.parents
        if reference.table in parents
        and set(contract.tables[reference.table].key) <= set(parents[reference.table].columns)
    ]


def children_first(tables: Iterable[str], references: Sequence[RowReference]) -> list[str]:
    """The tables, each before those that it depends on; the tables of a circle in the given order."""
    names = list(tables)
    children: dict[str, list[str]] = {name: [] for name in names}
    for reference in references:
        child, parent = reference.child.name, reference.parent.name
        if parent in children and child in children and child != parent:
            children[parent].append(child)
    ordered: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in ordered or name in path:
            return
        for child in children[name]:
            visit(child, (*path, name))
        ordered[name] = None

    for name in names:
        visit(name, ())
    return list(ordered)
