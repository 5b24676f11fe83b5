"""The contract over rows: what must hold between the rows of one file."""

from __future__ import annotations

from collections.abc import Iterable

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.row_decoder import ColumnLayout
from minerva_promote.exportfile.row_rule_compiler import compile_rules
from minerva_promote.exportfile.rule_model import Check, Row, RuleFault, RuleState
from minerva_promote.exportfile.text_statistics import TextStatistics


class RowRules(RuleState):
    """Takes every row of a file in order; reports what is wrong with each row, and at the end with the file."""

    def __init__(self, contract: Contract, snapshot: Snapshot, *, connected: bool) -> None:
        super().__init__(contract, snapshot, connected=connected)
        self.texts = TextStatistics()
        self._checks: dict[ColumnLayout, list[Check]] = {}

    def row(self, layout: ColumnLayout, values: Row, *, readable: bool = True) -> list[RuleFault]:
        """What is wrong with this row; an unreadable one is only counted, and its key remembered."""
        self.rows[layout.table] += 1
        self.last_key = None
        if self.wanted:
            self.wanted = {}
        checks = self._checks.get(layout)
        if checks is None:
            checks = self._checks[layout] = self._compile(layout)
        if not readable:
            self.incomplete = True
            checks = checks[:1]
        faults: list[RuleFault] = []
        for check in checks:
            if row_faults := check(values):
                faults += row_faults
        return faults

    def _compile(self, layout: ColumnLayout) -> list[Check]:
        """The checks over rows of one layout, and what counts their texts."""
        rule, columns = self.contract.tables[layout.table], self.snapshot.tables[layout.table].columns
        places = []
        for place, name in enumerate(layout.columns):
            declared = rule.columns.get(name)
            takes_null = not columns[name].not_null and name not in rule.key
            takes_null = takes_null and not (declared and (declared.required or declared.one_of))
            places.append((place, columns[name], takes_null))
        texts = self.texts.check(layout.table, places)
        return compile_rules(self, layout) + ([texts] if texts is not None else [])

    def finish(self, counts: dict[str, int]) -> list[RuleFault]:
        """What is wrong with the file as a whole; ``counts`` are those of its header, by table."""
        if self.incomplete:
            return []
        return [*self._required(), *self._roots(), *self._counts(counts), *self._gaps()]

    def _required(self) -> Iterable[RuleFault]:
        for name, rule in self.contract.tables.items():
            if rule.required and not self.rows[name]:
                yield RuleFault("table-empty", f"no row of {name}, which every export has", "export again")

    def _roots(self) -> Iterable[RuleFault]:
        tables = self.contract.root_tables
        count = sum(self.rows[table] for table in tables)
        if self.contract.roots is not None and count > self.contract.roots.max:
            message = f"{count:,} {' and '.join(tables)}, at most {self.contract.roots.max:,} in one file"
            yield RuleFault("too-many-roots", message, "export each into a file of its own")

    def _counts(self, counts: dict[str, int]) -> Iterable[RuleFault]:
        for table, expected in counts.items():
            if self.rows[table] != expected:
                expected_text = f"{expected:,}" if expected >= 0 else "no single number of"
                message = f"the header says {expected_text} {table}, the file holds {self.rows[table]:,}"
                yield RuleFault("header-count", message, "export again: rows are missing or were added")

    def _gaps(self) -> Iterable[RuleFault]:
        for (table, column), owners in self.numbers.items():
            for numbers in owners.values():
                if numbers.beyond:
                    message = f"{table}.{column} has a gap: {numbers.next} is missing before {min(numbers.beyond)}"
                    yield RuleFault("gap", message, "export again: a row is missing")
