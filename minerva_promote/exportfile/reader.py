"""The reading of a file from its first byte to its last: rows one by one, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.byte_window import ByteWindow
from minerva_promote.exportfile.decoder_builder import DecoderBuilder
from minerva_promote.exportfile.effort import FRAGMENT, FREE_COST, FREE_TOKENS, PARSE, STATEMENT, TOKEN, Effort
from minerva_promote.exportfile.file_type import FileTypeGuess, read_file_type
from minerva_promote.exportfile.finding_log import FaultReporter, FindingLog
from minerva_promote.exportfile.fragments import Fault, Fragment
from minerva_promote.exportfile.header_counts import HeaderCounts
from minerva_promote.exportfile.insert_model import Insert, Refused
from minerva_promote.exportfile.insert_parser import plain_transaction, transaction_shape
from minerva_promote.exportfile.known_shapes import KnownShapes
from minerva_promote.exportfile.lexer import Lexer
from minerva_promote.exportfile.rejected_statements import IN_OTHER_STATEMENTS, keyword, refused_statement
from minerva_promote.exportfile.row_decoder import Row, RowDecoder
from minerva_promote.exportfile.row_decoder_cache import DecoderCache
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.transaction_frame import INTENDED_KIND, TransactionFrame
from minerva_promote.exportfile.warning_report import not_given_warnings, text_warnings
from minerva_promote.text_format import counted

TICK_ROWS = 16  # between two ticks
Tick = Callable[[int], None]


class ExportReader:
    """Opens a file and reads it once: iterate :meth:`rows`. Then ``findings``, ``rules`` and ``sha256`` are complete.

    ``rules`` None leaves out the contract over rows: for the second reading of a file whose hash is compared.
    ``tick`` is called with the bytes read so far. Raises FileError when the file cannot be opened or read.
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
        self.path = path
        self.contract = contract
        self._snapshot = snapshot
        self.tick = tick
        self.statements = 0
        self.sha256 = b""  # empty when the file is not read to its end
        self.size = 0  # bytes
        self.rules = rules
        self.findings = FindingLog(path, contract.limits.findings)
        self._effort = Effort(contract.limits.work)
        self._header = HeaderCounts(contract)
        self._source = ByteWindow(path, contract.limits.row_bytes)
        self._lexer = Lexer(self._source, self._on_comment, self._effort)
        self._reporter = FaultReporter(self.findings, self._source, self._lexer, self._effort, rules)
        self._frame = TransactionFrame(self._reporter.add)
        self._builder = DecoderBuilder(contract, snapshot, repair)
        self._shapes = KnownShapes(self._effort)
        self._decoders = DecoderCache(self._builder, self._shapes, self._effort)
        self._row_count = 0
        self._file_type: FileTypeGuess | None = None
        self._is_foreign = False  # a finding says that the file is no export: it is not read to its end

    def rows(self) -> Iterator[Row]:
        """Every row that could be read, in the order of the file; closes it at the end."""
        with self._source as source:
            self.size = self.path.stat().st_size
            source.grow(0)
            if not self._is_acceptable():
                return
            yield from self._statements()
            source.require_unchanged()
            if not self._is_foreign:
                self._finish()

    def _is_acceptable(self) -> bool:
        """Whether the file has to be read at all; adds the finding otherwise."""
        max_bytes = self.contract.limits.file_bytes
        if self.size > max_bytes:
            self.findings.add(
                "file-size",
                f"{self.size:,} bytes, at most {max_bytes:,}",
                "raise contract.limits.file_bytes in promote.yaml",
            )
            return False
        if not self.size:
            self.findings.add("empty", "the file is empty", "export again")
            return False
        self._file_type = read_file_type(self.path)
        return not (self._file_type and self._file_type.certain and self._report_foreign())

    def _report_foreign(self) -> bool:
        """Add a finding when the first bytes are those of another kind of file; True when they are."""
        if self._file_type is not None:
            self.findings.add("foreign", f"this looks like {self._file_type.what}", self._file_type.hint, (1, 1))
        return self._file_type is not None

    def _statements(self) -> Iterator[Row]:
        lexer, max_rows = self._lexer, self.contract.limits.rows
        while self._row_count <= max_rows:
            if self.tick and not self._row_count % TICK_ROWS:
                self.tick(self._source.start + lexer.offset)
            row = self._cached_row()
            if row is not None:
                yield row
                continue
            if self._frame.is_open:
                lexer.skip_empty()
            if self._reporter.must_stop():
                return
            self._effort.spend(STATEMENT)
            head = lexer.next_fragment("head")
            if head is None:
                return
            word = keyword(head.shape)
            if not self.statements and word not in ("BEGIN", "START") and self._report_foreign():
                self._is_foreign = True
                return
            if not head.shape and head.ended and not head.faults:
                self._frame.require_open("an empty statement", head.begin)
                continue
            self.statements += 1
            if head.rows_follow:
                if word == "INSERT":
                    yield from self._insert(head)
                else:
                    self._reject_values(head, word)
            elif word in ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT") and head.ended:
                self._transaction(head, word)
            else:
                self._rejected_statement(head, word)

    def _cached_row(self) -> Row | None:
        """The row of the next INSERT if the statement differs from an earlier faultless one only in its constants."""
        while self._frame.is_open and self._row_count < self.contract.limits.rows:
            cached = self._lexer.cached_statement()
            if cached is None:
                return None
            fragment, decoder = cached
            assert isinstance(decoder, RowDecoder)
            self.statements += 1
            self._row_count += 1
            row = self._row(fragment, decoder)
            if row is not None:
                return row
            if self._reporter.must_stop():
                return None
        return None

    def _insert(self, head: Fragment) -> Iterator[Row]:
        """The rows of an INSERT whose head has been read."""
        self._frame.require_open("a statement", head.begin, opens=True)
        sound = self._reporter.add_faults(head.faults)
        first_row: tuple[Fragment, RowDecoder] | None = None
        rows = 1
        while True:
            fragment = self._lexer.next_fragment("row")
            if fragment is None or fragment.ended or fragment.truncated:
                self._reporter.add_unterminated(fragment)
                return
            self._row_count += 1
            if self._row_count > self.contract.limits.rows:
                max_rows = self.contract.limits.rows
                fault = Fault(
                    "rows", f"more than {max_rows:,} rows", fragment.begin, "raise contract.limits.rows in promote.yaml"
                )
                self._reporter.add_faults([fault])
                return
            if not sound and not fragment.cost:
                self._effort.spend(FRAGMENT + TOKEN * len(fragment.texts))
            if sound and self._reporter.add_faults(fragment.faults):
                decoder = self._decoders.get(head, fragment)
                if isinstance(decoder, RowDecoder):
                    first_row = first_row or (fragment, decoder)
                    row = self._row(fragment, decoder)
                    if row is not None:
                        self._effort.refund(
                            min(fragment.cost, FRAGMENT + TOKEN * (12 * len(fragment.texts) + FREE_TOKENS))
                        )
                        yield row
                else:
                    self._reporter.add_refusal(decoder, head, fragment)
                    self._effort.spend(0 if fragment.cost else TOKEN * len(fragment.texts))
                    sound = decoder.part != "head"  # reported once, not with every row
            if self._reporter.must_stop():
                return
            if not self._lexer.next_is_row():
                break
            rows += 1
        tail = self._lexer.next_fragment("tail")
        if tail is None or not tail.ended:
            self._reporter.add_unterminated(tail)
        elif self._reporter.add_faults(tail.faults) and sound and self._accept_tail(head, tail) and first_row:
            self._effort.refund(STATEMENT + min(head.cost + tail.cost, FREE_COST))
            if rows == 1:
                self._lexer.remember_statement(head, first_row[0], tail, first_row[1])

    def _row(self, fragment: Fragment, decoder: RowDecoder) -> Row | None:
        """The row, or None after its faults were added to the findings."""
        values, faults = decoder.read(fragment.texts)
        for fault, index, column in faults:
            name = f"{decoder.layout.table}.{column}: " if column else ""
            self._reporter.add(fault.code, name + fault.message, fault.hint, fragment.literal_offsets[index])
        self._decoders.count_row(decoder)
        if self.rules is not None:
            for rule_fault in self.rules.row(decoder.layout, values, readable=not faults):
                self._reporter.add_rule_fault(rule_fault, fragment, decoder)
        if faults:
            return None
        return Row(decoder.layout, values, self._source.start + fragment.begin, fragment.end - fragment.begin)

    def _accept_tail(self, head: Fragment, tail: Fragment) -> bool:
        """Whether ON CONFLICT is as the contract wants it; adds the finding otherwise."""
        insert = self._shapes.whole(head.shape, b"(1)", tail.shape)
        refused = insert if isinstance(insert, Refused) else None
        try:
            if isinstance(insert, Insert):
                self._builder.check_conflict(insert)
        except Refused as refusal:
            refused = refusal
        if refused is not None:
            self._reporter.add_refusal(refused, head, None, tail)
        return refused is None

    def _transaction(self, head: Fragment, word: str) -> None:
        """A statement that begins or ends a transaction, in an accepted form or not."""
        if not plain_transaction(head.shape):
            self._effort.spend(PARSE)
        kind = transaction_shape(head.shape)
        if self._reporter.add_faults(head.faults) and isinstance(kind, Refused):
            self._reporter.add_refusal(kind, head)
        if isinstance(kind, Refused):
            kind = INTENDED_KIND.get(kind.code, "begin" if word in ("BEGIN", "START") else "")
        self._frame.begin_or_commit(kind, head.begin)

    def _rejected_statement(self, head: Fragment, word: str) -> None:
        """Add the finding of a statement that is no INSERT of rows, or of one that never ends."""
        head.faults = [fault for fault in head.faults if fault.code not in IN_OTHER_STATEMENTS]
        if not head.ended:
            self._reporter.add_unterminated(head)
            return
        if word == "INSERT":
            self._frame.require_open("a statement", head.begin, opens=True)
            if self._reporter.add_faults(head.faults):
                insert = self._shapes.whole(head.shape, b"", b"")
                fallback = Refused("form", "this INSERT has no rows", "write INSERT INTO table (columns) VALUES (…)")
                self._reporter.add_refusal(insert if isinstance(insert, Refused) else fallback, head)
            return
        self._reporter.add_faults(head.faults)
        refused = refused_statement(head.shape, word)
        if word or not head.faults:
            self._reporter.add_refusal(refused, head)

    def _reject_values(self, head: Fragment, word: str) -> None:
        """Add the finding of a statement with VALUES rows that is no INSERT, and skip it to its semicolon."""
        self._reporter.add_refusal(refused_statement(head.shape, word), head)
        fragment = self._lexer.next_fragment("row")
        while fragment and not fragment.ended and not fragment.truncated and self._lexer.next_is_row():
            fragment = self._lexer.next_fragment("row")
        if fragment and not fragment.ended and not fragment.truncated:
            fragment = self._lexer.next_fragment("tail")
        if fragment is None or fragment.truncated:
            self._reporter.add_unterminated(fragment)

    def _on_comment(self, text: bytes) -> None:
        if self._frame.is_before:
            self._header.read_comment(text)
        else:
            self._lexer.comments.remaining = 0  # the header is over

    def _finish(self) -> None:
        """What can be said only at the end of the file."""
        source = self._source
        if source.bad is not None:
            end = len(source.window)
            self._reporter.add("encoding", source.bad.message, "write the file as UTF-8 without NUL bytes", end)
        elif not self._reporter.end_reported and self._row_count <= self.contract.limits.rows:
            self._frame.finish(len(source.window))
        self.sha256 = source.sha256 if source.complete else b""
        for repair, count in self._decoders.repaired():
            self.findings.warn("repaired", f"{repair} ({counted(count, 'rows')})", "update the exporter", count)
        if self.rules is not None:
            for warning in (
                *not_given_warnings(self._builder.not_given, self._snapshot),
                *text_warnings(self.rules.texts),
            ):
                self.findings.warn(*warning)
        if self.rules is not None and source.bad is None and not self._frame.is_before:
            for fault in self.rules.finish(self._header.counts):
                self.findings.add(fault.code, fault.message, fault.hint)
