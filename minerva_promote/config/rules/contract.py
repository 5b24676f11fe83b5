"""Rules of the contract: every table and column that it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.models.contract import Contract, Reference, TableRule
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.config.table_names import stored_names
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_CONTRACT = ("contract",)
_STALE_HINT = "if the table has it, the file is older: promote schema snapshot --env ENV"


def contract_faults(
    contract: Contract, source: Source, snapshot: Snapshot | None, version: int = 1
) -> Iterator[ConfigError]:
    """Tables that contract.tables lacks, and columns that the recorded snapshot lacks, where there is one."""
    for path, table in _tables_named(contract, source):
        if table not in contract.tables:
            message = f'no table "{table}" in contract.tables{did_you_mean(table, contract.tables)}'
            yield fault(source.at(path), path, message, f"tables: {listing(contract.tables)}")
    for table, rule in contract.tables.items():
        for path, owner in _references(table, rule, "belongs_to"):
            if owner.table in contract.tables and not _leads_to_a_root(contract, owner.table, version):
                message = f'"{owner.table}" is {_no_root_table(contract.root_tables)}'
                yield fault(source.at(path), path, message, "a row of any other table is named under references")
        if version > 1:
            yield from _key_faults(contract, table, rule, source)
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") not in (1, 2):
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


def _references(table: str, rule: TableRule, kind: str) -> Iterator[tuple[Keys, Reference]]:
    """The entries of belongs_to or references, each with the path of the table that it names."""
    at: Keys = (*_CONTRACT, "tables", table, kind)
    listed = isinstance(getattr(rule, kind), tuple)
    for number, reference in enumerate(rule.owners if kind == "belongs_to" else rule.named_rows):
        yield (*at, number, "table") if listed else (*at, reference.columns[0]), reference


def _leads_to_a_root(contract: Contract, table: str, version: int, below: tuple[str, ...] = ()) -> bool:
    """Whether a table is one of roots or, in version 2, belongs to one itself."""
    if table in contract.root_tables:
        return True
    if version == 1 or table in below or table not in contract.tables:
        return False
    return any(
        _leads_to_a_root(contract, owner.table, version, (*below, table)) for owner in contract.tables[table].owners
    )


def _key_faults(contract: Contract, table: str, rule: TableRule, source: Source) -> Iterator[ConfigError]:
    """References with more or fewer columns than the key that they name."""
    for kind in ("belongs_to", "references"):
        for path, reference in _references(table, rule, kind):
            key = contract.tables[reference.table].key if reference.table in contract.tables else reference.columns
            if len(key) != len(reference.columns):
                columns = ", ".join(key)
                message = f"the key of {reference.table} is ({columns}), and {len(reference.columns)} columns name it"
                hint = f"in the order of that key: {kind}: [{{columns: [{columns}], table: {reference.table}}}]"
                yield fault(source.at(path), path, message, hint)


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
            for path, reference in _references(name, rule, kind):
                yield path, reference.table
    if source.value((*_CONTRACT, "header_counts")) is not None:
        for title, table in contract.header_counts.items():
            yield (*_CONTRACT, "header_counts", title), table
    for number, repair in enumerate(contract.repairs):
        yield (*_CONTRACT, "repairs", number, "table"), repair.table
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") in (1, 2):
            yield (*_CONTRACT, "local_paths", "except", number), entry.rpartition(".")[0]


def _column_faults(contract: Contract, source: Source, snapshot: Snapshot) -> Iterator[ConfigError]:
    stored = stored_names(contract)
    for name in contract.tables:
        table = stored[name]
        if table not in snapshot.tables:
            path: Keys = (*_CONTRACT, "tables", name)
            message = f'no table "{table}" in {snapshot.source}{did_you_mean(table, snapshot.tables)}'
            yield fault(
                source.key_at(path),
                path,
                message,
                "record its columns there, for validation without a database: promote schema snapshot --env ENV",
            )
    hinted = False
    for path, key, name, column in _columns_named(contract):
        table = stored.get(name, name)
        if table in snapshot.tables and column not in snapshot.tables[table].columns:
            known = snapshot.tables[table].columns
            at = source.key_at(path) if key else source.at(path)
            suggestion = did_you_mean(column, known)
            hint = "" if suggestion or hinted else _STALE_HINT  # with the first column that is no misspelling
            hinted = hinted or bool(hint)
            yield fault(at, path, f'no column "{column}" of {table} in {snapshot.source}{suggestion}', hint)


def _columns_named(contract: Contract) -> Iterator[tuple[Keys, bool, str, str]]:
    """Path in the file, whether the column is a key of the mapping there, table, and column."""
    for table, rule in contract.tables.items():
        at: Keys = (*_CONTRACT, "tables", table)
        for path, is_key, column in _columns_of_rule(rule):
            yield (*at, *path), is_key, table, column
    for number, entry in enumerate(contract.local_paths.except_):
        if entry.count(".") in (1, 2):
            table, _, column = entry.rpartition(".")
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
        (("optional",), rule.optional),
        (("conflict", "may_update"), rule.conflict.may_update),
        *((("unique", number), columns) for number, columns in enumerate(rule.unique)),
    ]
    for path, columns in lists:
        for number, column in enumerate(columns):
            yield (*path, number), False, column
    for kind in ("belongs_to", "references", "contiguous", "columns"):
        declared = getattr(rule, kind)
        if isinstance(declared, tuple):
            for number, reference in enumerate(declared):
                for index, column in enumerate(reference.columns):
                    yield (kind, number, "columns", index), False, column
            continue
        for column in declared:
            yield (kind, column), True, column
    for column, column_rule in rule.columns.items():
        if column_rule.text is not None:
            yield ("columns", column, "text"), False, column_rule.text
    for column, contiguous in rule.contiguous.items():
        yield ("contiguous", column, "per"), False, contiguous.per
