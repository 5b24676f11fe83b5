"""A file from its first byte to its last: rows as they come, findings, and a manifest at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.byte_window import Source
from minerva_promote.exportfile.effort import FREE_COST, FREE_TOKENS, PARSE, STATEMENT, TOKEN, UNIT
from minerva_promote.exportfile.file_type import FileTypeGuess, foreign_file
from minerva_promote.exportfile.fragments import Fault, Fragment
from minerva_promote.exportfile.header_counts import Header
from minerva_promote.exportfile.insert_model import Insert, Refused
from minerva_promote.exportfile.insert_parser import plain_transaction, transaction_shape
from minerva_promote.exportfile.known_shapes import KnownShapes
from minerva_promote.exportfile.lexer import Lexer
from minerva_promote.exportfile.rejected_statements import IN_OTHER_STATEMENTS, keyword, refused_statement
from minerva_promote.exportfile.row_decoder import DecoderBuilder, Row, RowDecoder
from minerva_promote.exportfile.row_decoder_cache import DecoderCache
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.scan_report import ScanReport
from minerva_promote.exportfile.transaction_frame import MEANT, TransactionFrame
from minerva_promote.text_format import counted

TICK_ROWS = 16  # between two ticks
Tick = Callable[[int], None]


class ExportReader(ScanReport):
    """Reads one file once. Iterate :meth:`rows`; afterwards ``findings``, ``rules``, ``sha256`` are complete.

    ``rules`` None leaves out the contract over rows: for the second reading of a file whose hash is compared.
    ``tick`` is told the bytes that have passed. Raises FileError when the file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        contract: Contract,
        snapshot: Snapshot,
        *,
        repair: bool = False,
        rules: RowRules | None = None,
        tick: Tick | None = None,
    ) -> None:
        super().__init__(path, contract, rules)
        self.path = path
        self.contract = contract
        self.tick = tick
        self.statements = 0
        self.sha256 = b""  # empty when the file is not read to its end
        self.size = 0  # bytes
        self._frame = TransactionFrame(self._add)
        self._header = Header(contract)
        self._binder = DecoderBuilder(contract, snapshot, repair)
        self._shapes = KnownShapes(self._effort)
        self._plans = DecoderCache(self._binder, self._shapes, self._effort)
        self._row_count = 0
        self._foreign: FileTypeGuess | None = None
        self._stopped = False  # it is not read to its end

    def rows(self) -> Iterator[Row]:
        """Every row that could be read, in the order of the file."""
        limits = self.contract.limits
        with Source(self.path, limits.row_bytes) as source:
            self._source = source
            self.size = self.path.stat().st_size
            source.grow(0)
            if not self._acceptable(limits.file_bytes):
                return
            self._lexer = Lexer(source, self._comment, self._effort)
            yield from self._statements()
            source.require_unchanged()
            if not self._stopped:
                self._finish()

    def _acceptable(self, most: int) -> bool:
        if self.size > most:
            self.findings.add(
                "file-size",
                f"{self.size:,} bytes, at most {most:,}",
                "raise contract.limits.file_bytes in promote.yaml",
            )
            return False
        if not self.size:
            self.findings.add("empty", "the file is empty", "export the book again")
            return False
        self._foreign = foreign_file(self.path)
        return not (self._foreign and self._foreign.certain and self._is_foreign())

    def _is_foreign(self) -> bool:
        if self._foreign is not None:
            self.findings.add("foreign", f"this looks like {self._foreign.what}", self._foreign.help, (1, 1))
        return self._foreign is not None

    def _statements(self) -> Iterator[Row]:
        lexer, most = self._lexer, self.contract.limits.rows
        while self._row_count <= most:
            if self.tick and not self._row_count % TICK_ROWS:
                self.tick(self._source.start + lexer.at)
            row = self._cached_row()
            if row is not None:
                yield row
                continue
            if self._frame.is_open:
                lexer.skip_empty()
            if self._too_costly():
                return
            self._effort.spend(STATEMENT)
            head = lexer.next("head")
            if head is None:
                return
            word = keyword(head.shape)
            if not self.statements and word not in ("BEGIN", "START") and self._is_foreign():
                self._stopped = True
                return
            if not head.shape and head.ended and not head.faults:
                self._frame.require_open("an empty statement", head.begin)
                continue
            self.statements += 1
            if head.rows_follow:
                if word == "INSERT":
                    yield from self._insert(head)
                else:
                    self._other_rows(head, word)
            elif word in ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT") and head.ended:
                self._transaction(head, word)
            else:
                self._rejected_statement(head, word)

    def _cached_row(self) -> Row | None:
        """The row of an INSERT that is like a faultless one before it, but for its constants."""
        while self._frame.is_open and self._row_count < self.contract.limits.rows:
            found = self._lexer.replayed_statement()
            if found is None:
                return None
            unit, plan = found
            assert isinstance(plan, RowDecoder)
            self.statements += 1
            self._row_count += 1
            row = self._row(unit, plan)
            if row is not None:
                return row
            if self._too_costly():
                return None
        return None

    def _insert(self, head: Fragment) -> Iterator[Row]:
        self._frame.require_open("a statement", head.begin, opens=True)
        sound = self._faults(head.faults)
        first: tuple[Fragment, RowDecoder] | None = None
        rows = 1
        while True:
            unit = self._lexer.next("row")
            if unit is None or unit.ended or unit.cut:
                self._unterminated(unit)
                return
            self._row_count += 1
            if self._row_count > self.contract.limits.rows:
                most = self.contract.limits.rows
                fault = Fault(
                    "rows", f"more than {most:,} rows", unit.begin, "raise contract.limits.rows in promote.yaml"
                )
                self._faults([fault])
                return
            if not sound and not unit.cost:
                self._effort.spend(UNIT + TOKEN * len(unit.texts))
            if sound and self._faults(unit.faults):
                plan = self._plans.get(head, unit)
                if isinstance(plan, RowDecoder):
                    first = first or (unit, plan)
                    row = self._row(unit, plan)
                    if row is not None:
                        self._effort.refund(min(unit.cost, UNIT + TOKEN * (12 * len(unit.texts) + FREE_TOKENS)))
                        yield row
                else:
                    self._refused(plan, head, unit)
                    self._effort.spend(0 if unit.cost else TOKEN * len(unit.texts))
                    sound = plan.part != "head"  # said once
            if self._too_costly():
                return
            if not self._lexer.next_is_row():
                break
            rows += 1
        tail = self._lexer.next("tail")
        if tail is None or not tail.ended:
            self._unterminated(tail)
        elif self._faults(tail.faults) and sound and self._tail(head, tail) and first:
            self._effort.refund(STATEMENT + min(head.cost + tail.cost, FREE_COST))
            if rows == 1:
                self._lexer.learn_statement(head, first[0], tail, first[1])

    def _row(self, unit: Fragment, plan: RowDecoder) -> Row | None:
        values, faults = plan.read(unit.texts)
        for fault, index, column in faults:
            name = f"{plan.layout.table}.{column}: " if column else ""
            self._add(fault.code, name + fault.fact, fault.help, unit.places[index])
        self._plans.count_repairs(plan)
        if self.rules is not None:
            for rule_fault in self.rules.row(plan.layout, values, readable=not faults):
                self._rule(rule_fault, unit, plan)
        return None if faults else Row(plan.layout, values, self._source.start + unit.begin, unit.end - unit.begin)

    def _tail(self, head: Fragment, tail: Fragment) -> bool:
        insert = self._shapes.whole(head.shape, b"(1)", tail.shape)
        refused = insert if isinstance(insert, Refused) else None
        try:
            if isinstance(insert, Insert):
                self._binder.conflict(insert)
        except Refused as found:
            refused = found
        if refused is not None:
            self._refused(refused, head, None, tail)
        return refused is None

    def _transaction(self, head: Fragment, word: str) -> None:
        if not plain_transaction(head.shape):
            self._effort.spend(PARSE)
        kind = transaction_shape(head.shape)
        if self._faults(head.faults) and isinstance(kind, Refused):
            self._refused(kind, head)
        if isinstance(kind, Refused):
            kind = MEANT.get(kind.code, "begin" if word in ("BEGIN", "START") else "")
        self._frame.begin_or_commit(kind, head.begin)

    def _rejected_statement(self, head: Fragment, word: str) -> None:
        """A statement that is no INSERT of rows, or one that never ends."""
        head.faults = [fault for fault in head.faults if fault.code not in IN_OTHER_STATEMENTS]
        if not head.ended:
            self._unterminated(head)
            return
        if word == "INSERT":
            self._frame.require_open("a statement", head.begin, opens=True)
            if self._faults(head.faults):
                insert = self._shapes.whole(head.shape, b"", b"")
                fallback = Refused("form", "this INSERT has no rows", "write INSERT INTO table (columns) VALUES (…)")
                self._refused(insert if isinstance(insert, Refused) else fallback, head)
            return
        self._faults(head.faults)
        refused = refused_statement(head.shape, word)
        if word or not head.faults:
            self._refused(refused, head)

    def _other_rows(self, head: Fragment, word: str) -> None:
        """A statement with VALUES rows that is no INSERT: skipped to its semicolon."""
        self._refused(refused_statement(head.shape, word), head)
        unit = self._lexer.next("row")
        while unit and not unit.ended and not unit.cut and self._lexer.next_is_row():
            unit = self._lexer.next("row")
        if unit and not unit.ended and not unit.cut:
            unit = self._lexer.next("tail")
        if unit is None or unit.cut:
            self._unterminated(unit)

    def _comment(self, text: bytes) -> None:
        if self._frame.is_before:
            self._header.comment(text)
        else:
            self._lexer.comments = 0  # the header is over

    def _finish(self) -> None:
        source = self._source
        if source.bad is not None:
            end = len(source.window)
            self._add("encoding", source.bad.fact, "write the file as UTF-8 without NUL bytes", end)
        elif not self._cut and self._row_count <= self.contract.limits.rows:
            self._frame.finish(len(source.window))
        self.sha256 = source.sha256 if source.complete else b""
        for what, count in self._plans.repaired():
            self.findings.warn("repaired", f"{what} ({counted(count, 'rows')})", "update the exporter", count)
        if self.rules is not None and source.bad is None and not self._frame.is_before:
            for fault in self.rules.finish(self._header.counts):
                self.findings.add(fault.code, fault.fact, fault.help)
