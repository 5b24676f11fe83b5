"""The privileges that the rows of a file need, compared with those that the import role has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import TablePrivileges
from minerva_promote.database.quote import full_name, sql_name
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.results import Finding

NONE = TablePrivileges(frozenset(), {})
USED = ("SELECT", "INSERT")  # rows go in, and those that were there are read and compared


class RowPrivileges:
    """Collects the tables and columns of the rows of a file, and finds the privileges that the import role lacks."""

    def __init__(
        self, contract: Contract, privileges: Mapping[str, TablePrivileges], role: str, environment: str
    ) -> None:
        self._contract = contract
        self._privileges = privileges  # by qualified name, of the import role
        self._role = role
        self._environment = environment
        self._last: ColumnLayout | None = None  # consecutive rows mostly have the same layout
        self._seen: dict[ColumnLayout, None] = {}

    def add(self, row: Row) -> bool:
        """Add one row; True for the first row of its layout."""
        if row.layout is self._last:
            return False
        self._last = row.layout
        if row.layout in self._seen:
            return False
        self._seen[row.layout] = None
        return True

    def checked_sink(
        self, sink: Callable[[Row], None], refuse: Callable[[tuple[Finding, ...]], None]
    ) -> Callable[[Row], None]:
        """A sink for a file that is loaded as it is first read: the first row of every layout is checked before.

        ``refuse`` takes what the role lacks, and raises.
        """

        def guard(row: Row) -> None:
            if self.add(row) and (findings := self.findings()):
                refuse(findings)
            sink(row)

        return guard

    def findings(self) -> tuple[Finding, ...]:
        """A finding for every table on which the role lacks a privilege for the rows that were added."""
        columns: dict[str, dict[str, None]] = {}
        for layout in self._seen:
            columns.setdefault(layout.table, {}).update(dict.fromkeys(layout.columns))
        return tuple(finding for table in columns for finding in self._table(table, columns[table]))

    def _table(self, table: str, columns: Iterable[str]) -> Iterator[Finding]:
        """INSERT on the columns of the file; SELECT on those, and on the columns of keys and unique constraints."""
        rule, have = self._contract.tables[table], self._privileges.get(full_name(table), NONE)
        read = dict.fromkeys((*columns, *rule.key, *(name for names in rule.unique for name in names)))
        missing = [
            (privilege, lacking)
            for privilege, names in (("SELECT", read), ("INSERT", columns))
            if (lacking := [name for name in names if not have.allows(privilege, [name])])
        ]
        if missing:
            yield missing_privilege_finding(self._role, table, have, missing, self._environment)


def tables_without_privileges(
    contract: Contract, privileges: Mapping[str, TablePrivileges], role: str, tables: Iterable[str]
) -> Iterator[Finding]:
    """Tables of which every file has rows, and on no column of which the role has what is used."""
    for table in tables:
        if not contract.tables[table].required:
            continue
        have = privileges.get(full_name(table), NONE)
        missing = [(p, list[str]()) for p in USED if p not in have.whole and not have.columns.get(p)]
        if missing:
            yield missing_privilege_finding(role, table, have, missing)


def missing_privilege_finding(
    role: str, table: str, have: TablePrivileges, missing: Iterable[tuple[str, list[str]]], environment: str = "ENV"
) -> Finding:
    """One finding for a table; columns are named where the role has the privilege on others."""
    texts = [
        f"{privilege} ({', '.join(columns)})" if columns and have.columns.get(privilege) else privilege
        for privilege, columns in missing
    ]
    relation = sql_name(full_name(table))
    return Finding(
        "privilege",
        f"{role} lacks {' and '.join(texts)} on {full_name(table)}",
        hint=f"promote setup --env {environment}, or GRANT {', '.join(texts)} ON {relation} TO {role}",
    )
