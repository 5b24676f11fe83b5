"""The privileges that the rows of a file will use, held against those that the import role has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from minerva_promote.config.models.project import Contract
from minerva_promote.database.catalog import TablePrivileges
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.results import Finding

NONE = TablePrivileges(frozenset(), {})
USED = ("SELECT", "INSERT")  # rows go in, and those that were there are read and compared


class RowPrivileges:
    """Sees every row of a file, and knows which privileges their tables and columns take."""

    def __init__(
        self, contract: Contract, privileges: Mapping[str, TablePrivileges], role: str, environment: str
    ) -> None:
        self._contract = contract
        self._privileges = privileges  # by qualified name, of the import role
        self._role = role
        self._environment = environment
        self._last: ColumnLayout | None = None  # rows of one shape stand together
        self._seen: dict[ColumnLayout, None] = {}

    def add(self, row: Row) -> bool:
        """Note one row; True when rows like it were not seen before."""
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
        """A sink for rows of a file that was not read before: the first of every shape is judged before it goes in.

        ``refuse`` takes what the role lacks, and raises.
        """

        def guard(row: Row) -> None:
            if self.add(row) and (findings := self.findings()):
                refuse(findings)
            sink(row)

        return guard

    def findings(self) -> tuple[Finding, ...]:
        """What the role lacks for the rows that were seen, a table each."""
        columns: dict[str, dict[str, None]] = {}
        for layout in self._seen:
            columns.setdefault(layout.table, {}).update(dict.fromkeys(layout.columns))
        return tuple(finding for table in columns for finding in self._table(table, columns[table]))

    def _table(self, table: str, columns: Iterable[str]) -> Iterator[Finding]:
        """INSERT on the columns that are given; SELECT on those, and on keys and unique sets."""
        rule, have = self._contract.tables[table], self._privileges.get(f"public.{table}", NONE)
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
        have = privileges.get(f"public.{table}", NONE)
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
    return Finding(
        "privilege",
        f"{role} lacks {' and '.join(texts)} on public.{table}",
        hint=f"promote setup --env {environment}, or GRANT {', '.join(texts)} ON public.{table} TO {role}",
    )
