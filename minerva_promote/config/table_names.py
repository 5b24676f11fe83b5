"""The names of a contract's tables: as promote.yaml calls them, and as they are in a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from minerva_promote.config.models.contract import Contract, Reference, Roots, TableRule
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_PUBLIC = "public"
_TABLES: Keys = ("contract", "tables")


def stored_names(contract: Contract) -> Mapping[str, str]:
    """By the name in promote.yaml, the name with its schema, unless that is public."""
    return {
        name: f"{rule.schema_}.{name}" if rule.schema_ not in (None, _PUBLIC) else name
        for name, rule in contract.tables.items()
    }


def table_name_faults(contract: Contract, source: Source, version: int) -> Iterator[ConfigError]:
    """Schemas that are named twice, or in a contract of version 1, and two names of one table."""
    stored = stored_names(contract)
    for name, rule in contract.tables.items():
        at: Keys = (*_TABLES, name)
        path: Keys = (*at, "schema")
        if rule.schema_ is not None and version == 1:
            yield fault(
                source.key_at(path), path, "is a word of version 2", "say version: 2 at the top of promote.yaml"
            )
        elif rule.schema_ is not None and "." in name:
            yield fault(source.key_at(path), path, f'"{name}" names a schema already', "take one of them out")
        elif name.count(".") > 1 or "." in (rule.schema_ or ""):
            yield fault(
                source.key_at(at), at, "a name with a dot in it cannot be promoted", "rename the table, or its schema"
            )
        elif list(stored.values()).count(stored[name]) > 1 and rule.schema_ is not None:
            yield fault(
                source.key_at(path), path, f'"{stored[name]}" is in contract.tables twice', "take one of them out"
            )


def with_stored_names(contract: Contract) -> Contract:
    """The contract with every table under the name that it has in a database; the same where no schema is named."""
    if all(rule.schema_ is None for rule in contract.tables.values()):
        return contract
    stored = stored_names(contract)
    roots = contract.roots
    if roots is not None:
        roots = roots.model_copy(update=_renamed_roots(roots, stored))
    local_paths = contract.local_paths.model_copy(
        update={"except_": tuple(_renamed_column(entry, stored) for entry in contract.local_paths.except_)}
    )
    return contract.model_copy(
        update={
            "roots": roots,
            "tables": {stored[name]: _renamed_rule(rule, stored) for name, rule in contract.tables.items()},
            "header_counts": {title: stored.get(name, name) for title, name in contract.header_counts.items()},
            "local_paths": local_paths,
            "repairs": tuple(
                repair.model_copy(update={"table": stored.get(repair.table, repair.table)})
                for repair in contract.repairs
            ),
        }
    )


def _renamed_roots(roots: Roots, stored: Mapping[str, str]) -> dict[str, object]:
    table = None if roots.table is None else stored.get(roots.table, roots.table)
    return {"table": table, "tables": tuple(stored.get(name, name) for name in roots.tables)}


def _renamed_rule(rule: TableRule, stored: Mapping[str, str]) -> TableRule:
    return rule.model_copy(
        update={
            "belongs_to": _renamed_references(rule.belongs_to, stored),
            "references": _renamed_references(rule.references, stored),
        }
    )


def _renamed_references(
    declared: dict[str, str] | tuple[Reference, ...], stored: Mapping[str, str]
) -> dict[str, str] | tuple[Reference, ...]:
    if isinstance(declared, tuple):
        return tuple(
            reference.model_copy(update={"table": stored.get(reference.table, reference.table)})
            for reference in declared
        )
    return {column: stored.get(table, table) for column, table in declared.items()}


def _renamed_column(entry: str, stored: Mapping[str, str]) -> str:
    table, _, column = entry.rpartition(".")
    return f"{stored.get(table, table)}.{column}"
