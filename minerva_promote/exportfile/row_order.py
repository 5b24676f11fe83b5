"""The order in which rows leave the reader: one that names a row further down in the file waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.rule_model import Name, RuleFault, RuleState

MOST_BYTES = 64 << 20  # of the file, in rows that wait
Sink = Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Order:
    """Which rows of a file were held back, by their offsets: mostly none."""

    after: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # row -> those that follow it at once
    last: tuple[int, ...] = ()  # those that come when the file has ended: their tables refer to each other

    def sorted(self, sink: Sink) -> tuple[Sink, Callable[[], None]]:
        """A sink for the rows in the file's order that hands them on in this one, and what to call at its end."""
        if not self.after and not self.last:
            return sink, lambda: None
        held = {offset for offsets in (*self.after.values(), self.last) for offset in offsets}
        waiting: dict[int, Row] = {}

        def take(row: Row) -> None:
            if row.offset in held:
                waiting[row.offset] = row
            else:
                sink(row)
            for offset in self.after.get(row.offset, ()):
                sink(waiting.pop(offset))

        def finish() -> None:
            for offset in self.last:
                sink(waiting.pop(offset))

        return take, finish


@dataclass(slots=True)
class _HeldRow:
    row: Row
    name: Name | None
    wanted: dict[Name, RuleFault | None]  # rows that must come first; the fault where one never comes


class RowSorter:
    """Hands the rows of a file on, each after those that it names; takes the rows just as ``rules`` has judged them."""

    def __init__(self, rules: RuleState, sink: Sink | None) -> None:
        self._rules = rules
        self._sink = sink or (lambda row: None)
        self._most = rules.contract.limits.held_back
        self._held: dict[int, _HeldRow] = {}  # by offset, in the order of the file
        self._waiting: dict[Name, list[_HeldRow]] = {}
        self._bytes = 0
        self._after: dict[int, tuple[int, ...]] = {}
        self._too_many: list[tuple[int, RuleFault]] = []  # faults of rows beyond those that may wait, by offset

    def add(self, row: Row) -> None:
        """Hand a row on, and those that waited for it; or hold it back."""
        rules = self._rules
        name = (row.layout.table, rules.last_key) if rules.last_key is not None else None
        if not rules.wanted:
            released = self._emit(row, name)
            if released:
                self._after[row.offset] = tuple(released)
            return
        held = _HeldRow(row, name, dict(rules.wanted))
        self._bytes += row.size
        if len(self._held) >= self._most or self._bytes > MOST_BYTES:
            faults = [fault for fault in held.wanted.values() if fault is not None]
            hint = ", or raise contract.limits.held_back"
            self._too_many = [(row.offset, fault._replace(hint=fault.hint + hint)) for fault in faults]
            rules.holds_back = False  # for every further row its parents must have come
        self._held[row.offset] = held
        if name is not None:
            rules.held.add(name)
        for wanted in held.wanted:
            self._waiting.setdefault(wanted, []).append(held)

    def _emit(self, row: Row, name: Name | None) -> list[int]:
        """Hand a row on and what waited for it, directly or not; the offsets of those."""
        released: list[int] = []
        self._sink(row)
        names = [name]
        while names:
            arrived = names.pop(0)
            if arrived is None or arrived not in self._waiting:
                continue
            for held in self._waiting.pop(arrived):
                held.wanted.pop(arrived, None)
                if held.wanted or held.row.offset not in self._held:
                    continue
                self._release(held)
                released.append(held.row.offset)
                names.append(held.name)
        return released

    def _release(self, held: _HeldRow) -> None:
        del self._held[held.row.offset]
        self._bytes -= held.row.size
        if held.name is not None:
            self._rules.held.discard(held.name)
        self._sink(held.row)

    def finish(self) -> Iterator[tuple[int, RuleFault]]:
        """The faults of rows that name a row which never came, with the offset of each; else hand the rest on."""
        yield from self._too_many
        for held in self._held.values():
            for (table, key), fault in held.wanted.items():
                if fault is not None and key not in self._rules.keys[table]:
                    yield held.row.offset, fault

    def order(self) -> Order:
        """Hand on the rows that wait for each other, in the order of the file; what became of the order."""
        last = tuple(self._held)
        for held in list(self._held.values()):
            self._release(held)
        return Order(self._after, last)
