"""What is kept of a file's vectors while it is read: a number of rows drawn at random, and the embedding configs."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence
from uuid import UUID

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.embedding.model import NULL, NUMBERS, ConfigRow, Space, SpaceSample, Text, spaces_of
from minerva_promote.exportfile.row_decoder import ColumnLayout, Row, Value

SAMPLE = 256  # vectors: 1.6 MB of 1,536 dimensions each


class SpaceCollector:
    """Takes every row of a file and keeps what a comparison needs; memory does not grow with the file."""

    def __init__(self, contract: Contract, snapshot: Snapshot, size: int = SAMPLE) -> None:
        self.spaces = spaces_of(contract, snapshot)
        self._snapshot = snapshot
        self._reservoirs = {space: _Reservoir(size) for space in self.spaces}
        self._configs: dict[str, dict[str, ConfigRow]] = {}  # table -> key -> row
        self._takers: dict[ColumnLayout, Callable[[list[Value]], None] | None] = {}

    def add(self, row: Row) -> None:
        """Take one row, whatever its table; of most, only a number is raised."""
        try:
            take = self._takers[row.layout]
        except KeyError:
            take = self._takers[row.layout] = self._build_taker(row.layout)
        if take is not None:
            take(row.values)

    def samples(self) -> tuple[SpaceSample, ...]:
        """What was kept, one sample for each vector column of the contract."""
        samples = []
        for space, reservoir in self._reservoirs.items():
            key_of = _text_reader(self._snapshot, space.config_table, space.config_key)
            root_of = _text_reader(self._snapshot, space.table, space.root)
            samples.append(
                SpaceSample(
                    space,
                    reservoir.count,
                    tuple(vector for vector, _, _ in reservoir.kept),
                    tuple(text for _, text, _ in reservoir.kept),
                    tuple(root_of(root) for _, _, root in reservoir.kept),
                    frozenset(key_of(key) for key in reservoir.used),
                    tuple(self._configs.get(space.config_table or "", {}).values()),
                )
            )
        return tuple(samples)

    def _build_taker(self, layout: ColumnLayout) -> Callable[[list[Value]], None] | None:
        takers: list[Callable[[list[Value]], None]] = []
        for space in self.spaces:
            if space.table == layout.table and space.column in layout.columns:
                takers.append(self._reservoirs[space].build_taker(space, layout.columns))
            if space.config_table == layout.table and not takers:
                takers.append(self._build_config_taker(space, layout))
        if len(takers) < 2:
            return takers[0] if takers else None

        def take_all(values: list[Value]) -> None:
            for take in takers:
                take(values)

        return take_all

    def _build_config_taker(self, space: Space, layout: ColumnLayout) -> Callable[[list[Value]], None]:
        column_index = {name: index for index, name in enumerate(layout.columns)}
        readers = {name: _text_reader(self._snapshot, layout.table, name) for name in layout.columns}
        configs = self._configs.setdefault(layout.table, {})

        def read_value(values: Sequence[Value], name: str) -> str:
            return readers[name](values[column_index[name]]) if name in column_index else NULL

        def take(values: list[Value]) -> None:
            flag = values[column_index[space.active]] if space.active in column_index else None
            row = ConfigRow(
                read_value(values, space.config_key or ""),
                tuple(read_value(values, name) for name in space.identity),
                None if flag is None else flag == b"\1",
            )
            configs[row.key] = row

        return take


def _text_reader(snapshot: Snapshot, table: str | None, column: str | None) -> Callable[[Value], str]:
    """A function from the wire form of this column to what PostgreSQL prints for it."""
    name = snapshot.tables[table].columns[column].type.partition("(")[0] if table and column else ""

    def read(wire: Value) -> str:
        if wire is None:
            return NULL
        if name == "uuid":
            return str(UUID(bytes=wire))
        return str(int.from_bytes(wire, "big", signed=True)) if name in NUMBERS else wire.decode()

    return read


class _Reservoir:
    """``size`` of the rows that pass, each as likely as any other (Li 1994, algorithm L), the same in every run."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self.kept: list[tuple[bytes, Text | None, Value]] = []  # vector, text, root
        self.used: set[bytes] = set()
        self._size = size
        self._next = 1  # number of the row that is kept next
        self._weight = 1.0
        self._random = random.Random(0)

    def build_taker(self, space: Space, columns: Sequence[str]) -> Callable[[list[Value]], None]:
        """A function that takes the rows of one layout."""
        vector, text, root, config = (
            columns.index(name) if name in columns else None
            for name in (space.column, space.text, space.root, space.config)
        )
        assert vector is not None
        last: bytes | None = None

        def take(values: list[Value]) -> None:
            nonlocal last
            wire = values[vector]
            if wire is None:
                return
            if config is not None and (key := values[config]) != last and key is not None:
                self.used.add(key)
                last = key
            self.count += 1
            if self.count == self._next:
                value = values[text] if text is not None else None
                text_digest = Text(len(value), hashlib.sha256(value).digest()) if value else None
                self._keep((wire, text_digest, values[root] if root is not None else None))

        return take

    def _keep(self, row: tuple[bytes, Text | None, Value]) -> None:
        if len(self.kept) < self._size:
            self.kept.append(row)
        else:
            self.kept[self._random.randrange(self._size)] = row
        if len(self.kept) < self._size:
            self._next += 1
            return
        self._weight *= math.exp(math.log(1 - self._random.random()) / self._size)
        skipped = math.log(1 - self._random.random()) / math.log1p(-self._weight)
        self._next += int(skipped) + 1
