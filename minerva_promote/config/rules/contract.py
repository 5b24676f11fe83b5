"""Rules of the contract: every table and column that it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.models.project import Contract, TableRule
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_CONTRACT = ("contract",)


def contract_faults(contract: Contract, source: Source, snapshot: Snapshot | None) -> Iterator[ConfigError]:
    """Tables that contract.tables lacks, and columns that the recorded snapshot lacks, where there is one."""
    for path, table in _tables_named(contract, source):
        if table not in contract.tables:
            message = f'no table "{table}" in contract.tables{did_you_mean(table, contract.tables)}'
            yield fault(source.at(path), path, message, f"tables: {listing(contract.tables)}")
    for table, rule in contract.tables.items():
        for column, parent in rule.belongs_to.items():
            if parent in contract.tables and parent not in contract.root_tables:
                path = ("contract", "tables", table, "belongs_to", column)
                message = f'"{parent}" is {_no_root_table(contract.root_tables)}'
                yield fault(source.at(path), path, message, "a row of any other table is named under references")
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") != 1:
            path = ("contract", "local_paths", "except", number)
            yield fault(source.at(path), path, f'"{entry}" is not table.column')
    if snapshot is not None:
        yield from _column_faults(contract, source, snapshot)


def _no_root_table(tables: tuple[str, ...]) -> str:
    if not tables:
        return "no table of roots: the contract has no roots"
    if len(tables) == 1:
        return f'not the table of the roots, "{tables[0]}"'
    return f"none of the tables of the roots: {listing(tables)}"


def extension_faults(extensions: Mapping[str, str], source: Source) -> Iterator[ConfigError]:
    """Versions that are not numbers with dots, which cannot be compared with a server's."""
    for name, version in extensions.items():
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
            path: Keys = ("extensions", name)
            hint = 'numbers with dots between them, in quotes: {vector: "0.7"}'
            yield fault(source.at(path), path, f'"{version}" is no version', hint)


def _tables_named(contract: Contract, source: Source) -> Iterator[tuple[Keys, str]]:
    if contract.roots is not None and contract.roots.table is not None:
        yield (*_CONTRACT, "roots", "table"), contract.roots.table
    for number, table in enumerate(contract.roots.tables if contract.roots is not None else ()):
        yield (*_CONTRACT, "roots", "tables", number), table
    for name, rule in contract.tables.items():
        for kind in ("belongs_to", "references"):
            for column, table in getattr(rule, kind).items():
                yield (*_CONTRACT, "tables", name, kind, column), table
    if source.value((*_CONTRACT, "header_counts")) is not None:
        for title, table in contract.header_counts.items():
            yield (*_CONTRACT, "header_counts", title), table
    for number, repair in enumerate(contract.repairs):
        yield (*_CONTRACT, "repairs", number, "table"), repair.table
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") == 1:
            yield (*_CONTRACT, "local_paths", "except", number), entry.partition(".")[0]


def _column_faults(contract: Contract, source: Source, snapshot: Snapshot) -> Iterator[ConfigError]:
    for table in contract.tables:
        if table not in snapshot.tables:
            path: Keys = (*_CONTRACT, "tables", table)
            message = f'no table "{table}" in {snapshot.source}{did_you_mean(table, snapshot.tables)}'
            yield fault(
                source.key_at(path), path, message, "record its columns there, for validation without a database"
            )
    for path, key, table, column in _columns_named(contract):
        if table in snapshot.tables and column not in snapshot.tables[table].columns:
            known = snapshot.tables[table].columns
            at = source.key_at(path) if key else source.at(path)
            yield fault(at, path, f'no column "{column}" of {table} in {snapshot.source}{did_you_mean(column, known)}')


def _columns_named(contract: Contract) -> Iterator[tuple[Keys, bool, str, str]]:
    """Path in the file, whether the column is a key of the mapping there, table, and column."""
    for table, rule in contract.tables.items():
        at: Keys = (*_CONTRACT, "tables", table)
        for path, is_key, column in _columns_of_rule(rule):
            yield (*at, *path), is_key, table, column
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") == 1:
            table, _, column = entry.partition(".")
            yield (*_CONTRACT, "local_paths", "except", number), False, table, column
    for number, repair in enumerate(contract.repairs):
        at = (*_CONTRACT, "repairs", number)
        for wrong, column in repair.rename.items():
            yield (*at, "rename", wrong), False, repair.table, column
        for index, column in enumerate(repair.vector_braces):
            yield (*at, "vector_braces", index), False, repair.table, column
        for column in repair.default:
            yield (*at, "default", column), True, repair.table, column


def _columns_of_rule(rule: TableRule) -> Iterator[tuple[Keys, bool, str]]:
    lists: list[tuple[Keys, Iterable[str]]] = [
        (("key",), rule.key),
        (("given",), rule.given),
        (("conflict", "may_update"), rule.conflict.may_update),
        *((("unique", number), columns) for number, columns in enumerate(rule.unique)),
    ]
    for path, columns in lists:
        for number, column in enumerate(columns):
            yield (*path, number), False, column
    for kind in ("belongs_to", "references", "contiguous", "columns"):
        for column in getattr(rule, kind):
            yield (kind, column), True, column
    for column, column_rule in rule.columns.items():
        if column_rule.text is not None:
            yield ("columns", column, "text"), False, column_rule.text
    for column, contiguous in rule.contiguous.items():
        yield ("contiguous", column, "per"), False, contiguous.per
