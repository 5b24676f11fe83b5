"""Findings of one file: the first ones kept with their locations, all counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from minerva_promote.errors import Location
from minerva_promote.exportfile.byte_window import ByteWindow
from minerva_promote.exportfile.effort import FAULT, ROW_FAULT, Effort
from minerva_promote.exportfile.fragments import Fault, Fragment
from minerva_promote.exportfile.insert_model import Refused
from minerva_promote.exportfile.lexer import Lexer
from minerva_promote.exportfile.rejected_statements import ENDLESS
from minerva_promote.exportfile.row_decoder import RowDecoder
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.rule_model import RuleFault
from minerva_promote.exportfile.value_faults import shorten
from minerva_promote.results import Finding, Severity


@dataclass(slots=True)
class FindingLog:
    """Collects errors up to a limit and counts those beyond it; warnings are few and all kept."""

    path: Path
    limit: int
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    count: int = 0  # of all errors

    @property
    def full(self) -> bool:
        """True when a further error would only be counted."""
        return self.count >= self.limit

    def add(self, code: str, message: str, hint: str, line_column: tuple[int, int] = (0, 0)) -> None:
        """Add an error at this line and column; (0, 0) is the file as a whole."""
        self.count += 1
        if self.count <= self.limit:
            self.errors.append(Finding(code, shorten(message), Location(str(self.path), *line_column), shorten(hint)))

    def warn(self, code: str, message: str, hint: str, count: int) -> None:
        """Add a warning about the file as a whole; ``count``: the rows or values that it is about."""
        self.warnings.append(Finding(code, message, Location(str(self.path)), hint, Severity.WARN, count))


class FaultReporter:
    """Turns faults of fragments, rows and statements into findings with their locations.

    What is absent from ``rules`` means nothing once a fault was reported: they are marked as incomplete.
    """

    def __init__(
        self, findings: FindingLog, source: ByteWindow, lexer: Lexer, effort: Effort, rules: RowRules | None
    ) -> None:
        self.findings = findings
        self.end_reported = False  # a finding says that the file ends inside a statement, or that reading stops
        self._source = source
        self._lexer = lexer
        self._effort = effort
        self._rules = rules

    def add(self, code: str, message: str, hint: str, offset: int) -> None:
        """Add a finding at this offset in the window; its line is computed only if the finding is kept."""
        self._effort.spend(FAULT)
        line_column = (0, 0) if self.findings.full else self._source.line_and_column(offset)
        self.findings.add(code, message, hint, line_column)

    def add_faults(self, faults: list[Fault]) -> bool:
        """Add these faults; True when there are none."""
        for fault in faults:
            self.add(fault.code, fault.message, fault.hint, fault.offset)
        if faults:
            self._mark_incomplete()
        return not faults

    def add_refusal(
        self, refused: Refused, head: Fragment, row: Fragment | None = None, tail: Fragment | None = None
    ) -> None:
        """Add the refusal of a statement at the part and the offset that it names."""
        self._mark_incomplete()
        fragment = {"head": head, "row": row, "tail": tail}[refused.part] or head
        # the head of a long statement may lie before the window: the offset is negative then
        offset = fragment.window_offset(refused.offset) + fragment.base - self._source.start
        self.add(refused.code, refused.message, refused.hint, offset)

    def add_unterminated(self, fragment: Fragment | None) -> None:
        """Add the fault of a statement that the file ends in, or of a row that the statement ends in."""
        offset = fragment.begin if fragment else self._lexer.offset
        self._mark_incomplete()
        if fragment and not fragment.truncated:
            if self.add_faults(fragment.faults):
                self.add_faults([Fault("syntax", "a row without its closing parenthesis", offset, "close it")])
            return
        self.end_reported = True
        faults = fragment.faults if fragment else []
        endless = [fault for fault in faults if fault.code in ENDLESS]
        if self._source.bad is not None:
            self.add_faults([] if endless else faults)
        elif self.add_faults(endless or faults):
            hint = "the file is cut off: export again"
            self.add_faults([Fault("cut", "a statement without its semicolon", offset, hint)])

    def add_rule_fault(self, fault: RuleFault, fragment: Fragment, decoder: RowDecoder) -> None:
        """Add what a rule says about a row, at the literal of the column that it names."""
        self._effort.spend(ROW_FAULT)
        literal = decoder.literal_of(fault.column)
        offset = fragment.begin if literal is None else fragment.literal_offsets[literal]
        self.add(fault.code, fault.message, fault.hint, offset)

    def must_stop(self) -> bool:
        """Whether the allowance of work is spent, so that reading stops here; adds that finding once."""
        lexer = self._lexer
        if not self.end_reported and self._effort.left(self._source.start + lexer.offset) < 0:
            self.end_reported = True
            self.add_faults([lexer.stop_too_costly()])
        return self.end_reported

    def _mark_incomplete(self) -> None:
        if self._rules is not None:
            self._rules.incomplete = True
