"""The outcome of a load: counts per table, the rows that close the gate, and the inserted rows for the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from minerva_promote.exportfile.row_decoder import ColumnLayout, Row
from minerva_promote.ledger.run_rows import PART_ROWS, RowBatch, pack_values, row_hash


@dataclass(frozen=True, slots=True)
class RowConflict:
    """One row that keeps the gate shut."""

    kind: str  # "different", "blocked", "appended"
    table: str
    key: str
    message: str
    offset: int  # of the row in the file


@dataclass(slots=True)
class LoadResult:
    """Counts per table and outcome: new, identical, different, blocked, appended."""

    tables: tuple[str, ...]
    limit: int  # conflicts that are kept; the others are only counted
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    conflicts: list[RowConflict] = field(default_factory=list)

    def __post_init__(self) -> None:
        for table in self.tables:
            self.counts[table] = Counter()

    def add(self, table: str, outcome: str, count: int = 1) -> None:
        """Count rows of one outcome."""
        self.counts[table][outcome] += count

    def add_conflict(self, conflict: RowConflict) -> None:
        """Count a row that closes the gate, and keep it while there is room."""
        self.counts[conflict.table][conflict.kind] += 1
        if len(self.conflicts) < self.limit:
            self.conflicts.append(conflict)

    def total(self, *outcomes: str) -> int:
        """Rows of these outcomes over all tables."""
        return sum(counter[outcome] for counter in self.counts.values() for outcome in outcomes)

    @property
    def clean(self) -> bool:
        """True when every row is new or identical."""
        return not self.total("different", "blocked", "appended")

    def as_numbers(self) -> dict[str, dict[str, int]]:
        """The counts, with zeros."""
        kinds: Iterable[str] = ("new", "identical", "different", "blocked", "appended")
        return {table: {kind: counter[kind] for kind in kinds} for table, counter in self.counts.items()}


class Inserted:
    """The keys and hashes of inserted rows, for the ledger: some forty bytes a row, however wide it is."""

    def __init__(self) -> None:
        self._batches: list[RowBatch] = []
        self._open: dict[ColumnLayout, RowBatch] = {}  # the last batch of a layout

    def add(
        self, layout: ColumnLayout, key_columns: tuple[str, ...], key_positions: Sequence[int], rows: Iterable[Row]
    ) -> None:
        """Remember rows that are new."""
        for row in rows:
            batch = self._open.get(layout)
            if batch is None or batch.rows >= PART_ROWS:
                batch = RowBatch(layout.table, key_columns, layout.columns, 0, bytearray(), bytearray())
                self._open[layout] = batch
                self._batches.append(batch)
            values = row.values
            batch.rows += 1
            batch.keys += pack_values([values[position] for position in key_positions])
            batch.marks += row_hash(values)

    def batches(self) -> tuple[RowBatch, ...]:
        """All of them, in the order in which they were begun."""
        return tuple(self._batches)
