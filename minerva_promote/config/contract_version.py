"""The two versions of the contract's words: which of them a file may use, and what their defaults are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minerva_promote.config.models.contract import Contract, TableRule
from minerva_promote.config.yaml_source import Keys, Source, fault
from minerva_promote.errors import ConfigError

_CONTRACT: Keys = ("contract",)
HELD_BACK = 10_000  # rows
_ROOTS: Keys = (*_CONTRACT, "roots")
_VERSION_HINT = "say version: 2 at the top of promote.yaml"


def with_version_defaults(contract: Contract, source: Source, version: int) -> Contract:
    """The contract with the defaults of its version.

    A contract of version 1 is returned as it is: the fingerprints of older configurations depend on it.
    """
    if version == 1:
        return contract
    changes: dict[str, Any] = {}
    if source.value((*_CONTRACT, "local_paths", "forbid")) is None:
        changes["local_paths"] = contract.local_paths.model_copy(update={"forbid": False})
    if source.value((*_CONTRACT, "limits", "held_back")) is None:
        changes["limits"] = contract.limits.model_copy(update={"held_back": HELD_BACK})
    changes["tables"] = {
        name: rule.model_copy(update={"one_per_root": False}) if rule.shared and rule.one_per_root is None else rule
        for name, rule in contract.tables.items()
    }
    return contract.model_copy(update=changes)


def version_faults(contract: Contract, source: Source, version: int) -> Iterator[ConfigError]:
    """Words of version 2 in a contract of version 1, and what only version 1 demands."""
    for name, rule in contract.tables.items():
        yield from _table_faults(name, rule, source, version)
    roots = contract.roots
    if roots is None:
        if version == 1:
            hint = f"a contract without roots, whose files are one unit each, is of version 2: {_VERSION_HINT}"
            yield fault(source.key_at(_CONTRACT), _CONTRACT, 'missing key "roots"', hint)
        return
    tables: Keys = (*_ROOTS, "tables")
    if version == 1 and source.value(tables) is not None:
        yield fault(source.key_at(tables), tables, "is a word of version 2", _VERSION_HINT)
    elif roots.table is not None and source.value(tables) is not None:
        yield fault(source.key_at(tables), tables, "stands beside table: give one of them", "tables: takes several")
    elif not contract.root_tables:
        hint = "take roots out where a file is one unit" if version > 1 else ""
        yield fault(source.key_at(_ROOTS), _ROOTS, 'missing key "table"', hint)
    for number, table in enumerate(roots.tables):
        if table in roots.tables[:number]:
            yield fault(source.at((*tables, number)), (*tables, number), f'"{table}" stands twice')


def _table_faults(name: str, rule: TableRule, source: Source, version: int) -> Iterator[ConfigError]:
    at: Keys = (*_CONTRACT, "tables", name)
    if version == 1:
        words = [(*at, kind) for kind in ("belongs_to", "references") if isinstance(getattr(rule, kind), tuple)]
        words += [(*at, "one_per_root")] if rule.one_per_root is not None else []
        for path in words:
            what = "is a word" if path[-1] == "one_per_root" else "a list is"
            yield fault(source.key_at(path), path, f"{what} of version 2", _VERSION_HINT)
    elif rule.one_per_root and not rule.shared:
        path = (*at, "one_per_root")
        yield fault(source.key_at(path), path, "is about shared rows", "add shared: true")
    elif rule.shared and rule.owners:
        path = (*at, "shared")
        yield fault(
            source.key_at(path), path, "a shared row belongs to no root, and belongs_to names one", "take one out"
        )
