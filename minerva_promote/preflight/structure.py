"""The target's tables compared with the contract: missing tables and columns, other types, weaker constraints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from minerva_promote.config.models.project import ColumnRule, Contract, TableRule
from minerva_promote.config.snapshot import Column, Snapshot, Table
from minerva_promote.config.suggest import nearest
from minerva_promote.database.catalog import Row, fetch, query, table_parameters
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of, split, sql_name
from minerva_promote.exportfile.row_keys import reference_name
from minerva_promote.exportfile.wire_values import column_type
from minerva_promote.preflight.structure_hints import MIGRATE, foreign_key_hint, unique_hint, without_migrations
from minerva_promote.results import Finding, Severity

_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "c": "a type"}
_VECTORS = ("vector", "halfvec", "sparsevec")
_INTEGERS = ("smallint", "integer", "bigint")


def structure_findings(
    conn: Connection, contract: Contract, live: Snapshot, recorded: Snapshot | None, *, migrated: bool
) -> Iterator[Finding]:
    """All findings, in the order of the contract, by two queries.

    ``recorded``: the snapshot of the project. ``migrated``: the project has migrations, which hints then name.
    """
    for finding in _table_findings(conn, contract, live, recorded, migrated=migrated):
        yield finding if migrated else without_migrations(finding)


def _table_findings(
    conn: Connection, contract: Contract, live: Snapshot, recorded: Snapshot | None, *, migrated: bool
) -> Iterator[Finding]:
    tables = table_parameters(contract.tables)
    relations = {row["name"]: row for row in fetch(conn, query("structure"), tables)}
    constraints: dict[str, list[Row]] = {}
    for row in fetch(conn, query("promises"), tables):
        constraints.setdefault(row["table"], []).append(row)
    for name, rule in contract.tables.items():
        table = live.tables.get(name)
        if table is None:
            yield _missing(name, relations[name])
            continue
        if relations[name]["unlogged"]:
            message = f"{name} is unlogged: the server empties it after a crash"
            yield _warn("unlogged", message, f"ALTER TABLE {sql_name(name)} SET LOGGED")
        table_constraints = constraints.get(name, [])
        recorded_table = recorded.tables.get(name) if recorded else None
        yield from _columns(contract, rule, table, recorded_table)
        yield from _keys(rule, table, table_constraints, recorded_table, migrated=migrated)
        yield from _foreign_keys(contract, table, table_constraints, migrated=migrated)


def extension_findings(conn: Connection, minimum_versions: Mapping[str, str]) -> Iterator[Finding]:
    """Extensions that are missing, or older than promote.yaml says."""
    for row in fetch(conn, query("extensions"), {"names": sorted(minimum_versions)}) if minimum_versions else ():
        name, have, offered = row["name"], row["version"], row["offered"]
        required = f"promote.yaml says at least {minimum_versions[name]}"
        if have is None:
            if name == "vector":  # a finding of server.py
                continue
            hint = f"as an administrator: CREATE EXTENSION {name}"
            yield Finding("extension", f"the extension {name} is missing, {required}", hint=hint)
        elif _version(have) < _version(minimum_versions[name]):
            hint = f"as its owner: ALTER EXTENSION {name} UPDATE"
            if offered is None or _version(offered) < _version(minimum_versions[name]):
                hint = f"install a newer one on the server, which has {offered or 'none'}; then {hint}"
            yield Finding("extension", f"the extension {name} is {have}, {required}", hint=hint)


def _version(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in text.split(".") if part.isdecimal()]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _missing(name: str, relation: Row) -> Finding:
    kind = _KINDS.get(relation["kind"] or "")
    if kind:
        return Finding("table", f"{name} is {kind} in the target, must be a table", hint=MIGRATE)
    if relation["elsewhere"]:
        schema = relation["elsewhere"][0]
        wanted, own_name = split(name)
        message = f"the target has no table {own_name} in schema {wanted}; there is one in schema {schema}"
        statement = f"ALTER TABLE {sql_name(f'{schema}.{own_name}')} SET SCHEMA {sql_name(wanted)}"
        return Finding("table", message, hint=statement)
    near = nearest(split(name)[1], relation["others"])
    if near:
        schema, own_name = split(name)
        hint = f"ALTER TABLE {sql_name(name_of(schema, near))} RENAME TO {sql_name(own_name)}, or {MIGRATE}"
        return Finding("table", f"the target has no table {name}; did you mean {near}?", hint=hint)
    return Finding("table", f"the target has no table {name}", hint=MIGRATE)


def _columns(contract: Contract, rule: TableRule, table: Table, recorded: Table | None) -> Iterator[Finding]:
    known = recorded.columns if recorded else {}
    for column in sorted(_named(contract, rule, table.name) - set(table.columns)):
        near = nearest(column, [name for name in table.columns if name not in known]) if recorded else None
        suggestion = f"; did you mean {near}?" if near else ""
        yield Finding("column", f"the target has no column {table.name}.{column}{suggestion}", hint=MIGRATE)
    for present in table.columns.values():
        yield from _column(rule, table, present, known.get(present.name))


def _named(contract: Contract, rule: TableRule, table: str) -> set[str]:
    """Every column that the contract speaks of."""
    named = {*rule.key, *rule.columns, *rule.reference_columns, *rule.given, *rule.contiguous}
    named |= {*rule.conflict.may_update, *(name for names in rule.unique for name in names)}
    named |= {sequence.per for sequence in rule.contiguous.values()}
    named |= {declared.text for declared in rule.columns.values() if declared.text is not None}
    entries = (entry.rpartition(".") for entry in contract.local_paths.except_)
    return named | {column for owner, _, column in entries if owner == table}


def _column(rule: TableRule, table: Table, column: Column, recorded: Column | None) -> Iterator[Finding]:
    name, column_rule = f"{table.name}.{column.name}", rule.columns.get(column.name, ColumnRule())
    rows = {*rule.key, *rule.reference_columns, *rule.contiguous, *rule.given}
    rows.update(*rule.unique)
    if column.generated and column.name in rows | set(rule.columns):
        message = f"the target makes {name} itself, and the contract has the file give it"
        yield Finding("generated", message, hint=MIGRATE)
    type_name = column.type.rpartition(".")[2]  # pgvector may be in a schema that this role may not use
    kind = type_name.partition("(")[0]
    declared = f"the contract says {kind if kind in _VECTORS else 'vector'}({column_rule.dimensions})"
    if column_rule.dimensions and kind not in _VECTORS:
        yield Finding("type", f"{name} is {column.type}, {declared}", hint=MIGRATE)
    elif column_rule.dimensions and type_name not in (kind, f"{kind}({column_rule.dimensions})"):
        hint = "set embedding_dimensions as the target has it, or migrate"
        yield Finding("dimensions", f"{name} is {column.type}, {declared}", hint=hint)
    elif column.name in rule.contiguous and column.type not in _INTEGERS:
        yield Finding("type", f"{name} is {column.type}, the contract numbers it: it must be an integer", hint=MIGRATE)
    elif (
        type_name == column.type
        and column_type(column, column_rule) is None
        and (column.name in rows or (column.not_null and not column.has_default and recorded is not None))
    ):
        was = f", {recorded.type} in the snapshot" if recorded and recorded.type != column.type else ""
        yield Finding("type", f"{name} is {column.type}{was}: no export may hold it", hint=MIGRATE)


def _keys(
    rule: TableRule, table: Table, constraints: Iterable[Row], recorded: Table | None, *, migrated: bool
) -> Iterator[Finding]:
    keys = [set(columns) for columns in (table.primary_key, *table.unique)]
    if set(rule.key) not in keys:
        have = ", ".join(table.primary_key) or "none"
        message = f"the primary key of {table.name} is ({have}), the contract says ({', '.join(rule.key)})"
        yield Finding("key", message, hint="correct promote.yaml, or migrate the target")
    unique = [row for row in constraints if row["kind"] != "foreign key"]
    for columns in rule.unique:
        same = [row for row in unique if set(row["columns"]) == set(columns) and row["kind"] != "exclusion"]
        if any(row["valid"] and not row["predicate"] for row in same):
            continue
        message = f"{table.name} has no unique constraint on ({', '.join(columns)})"
        hint = unique_hint(table.name, columns, recorded, migrated=migrated)
        for row in same[:1]:
            if row["predicate"]:
                message += f": {row['name']} is for some rows only, WHERE {row['predicate']}"
            else:
                message += f": {row['name']} is invalid, there may be duplicates"
                hint = f"REINDEX INDEX CONCURRENTLY {row['name']}, which names the duplicates"
        yield Finding("unique", message, hint=hint)
    for row in unique:
        if row["deferrable"]:
            what = "the primary key" if row["kind"] == "primary key" else f"{row['kind']} {row['name']}"
            message = f"{what} of {table.name} is deferrable: no INSERT with ON CONFLICT is possible"
            yield Finding("deferrable", message, hint=f"make {row['name']} anew, NOT DEFERRABLE")


def _foreign_keys(contract: Contract, table: Table, constraints: Iterable[Row], *, migrated: bool) -> Iterator[Finding]:
    """References that the target does not enforce: promote checks the rows of the file, and no others."""
    foreign = [row for row in constraints if row["kind"] == "foreign key"]
    for reference in contract.tables[table.name].parents:
        columns = reference.columns
        if any(column not in table.columns or table.columns[column].type.endswith("[]") for column in columns):
            continue
        same = [row for row in foreign if {*columns} <= {*row["columns"]} and row["referenced"] == reference.table]
        what = f"{reference_name(table.name, reference)} to {reference.table}"
        if not same:
            hint = foreign_key_hint(contract, table.name, columns, reference.table, migrated=migrated)
            yield _warn("foreign-key", f"the target has no foreign key from {what}", hint)
        for row in same:
            on = f"ALTER TABLE {sql_name(table.name)}"
            if not row["enforced"]:
                message = f"foreign key {row['name']} from {what} is NOT ENFORCED"
                yield _warn("foreign-key", message, f"{on} ALTER CONSTRAINT {row['name']} ENFORCED")
            elif row["disabled"]:
                message = f"foreign key {row['name']} from {what} is switched off by DISABLE TRIGGER"
                yield _warn("foreign-key", message, f"{on} ENABLE TRIGGER ALL")
            elif not row["valid"]:
                message = f"foreign key {row['name']} from {what} is NOT VALID: rows from before it may break it"
                yield _warn("foreign-key", message, f"{on} VALIDATE CONSTRAINT {row['name']}")


def _warn(code: str, message: str, hint: str) -> Finding:
    return Finding(code, message, hint=hint, severity=Severity.WARN)
