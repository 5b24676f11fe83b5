"""What a reading finds: each fault with its place in the file, and the place where it has to stop."""

from __future__ import annotations

from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.exportfile.byte_window import Source
from minerva_promote.exportfile.effort import FAULT, ROW_FAULT, Effort
from minerva_promote.exportfile.finding_log import Findings
from minerva_promote.exportfile.fragments import Fault, Fragment
from minerva_promote.exportfile.insert_model import Refused
from minerva_promote.exportfile.lexer import Lexer
from minerva_promote.exportfile.rejected_statements import ENDLESS
from minerva_promote.exportfile.row_decoder import RowDecoder
from minerva_promote.exportfile.row_rules import RowRules
from minerva_promote.exportfile.rule_model import RuleFault


class ScanReport:
    """Takes faults of units, rows and statements; ``findings`` has them with their places."""

    _source: Source
    _lexer: Lexer

    def __init__(self, path: Path, contract: Contract, rules: RowRules | None) -> None:
        self.rules = rules
        self.findings = Findings(path, contract.limits.findings)
        self._effort = Effort(contract.limits.work)
        self._cut = False  # the file ends inside a statement, or reading stops, which has been said

    def _too_costly(self) -> bool:
        """Whether reading has to stop here; says so once."""
        lexer = self._lexer
        if not self._cut and self._effort.left(self._source.start + lexer.at) < 0:
            self._cut = True
            self._faults([lexer.stop()])
        return self._cut

    def _faults(self, faults: list[Fault]) -> bool:
        """Report them; True when there are none."""
        for fault in faults:
            self._add(fault.code, fault.fact, fault.help, fault.at)
        if faults and self.rules is not None:
            self.rules.incomplete = True
        return not faults

    def _refused(
        self, refused: Refused, head: Fragment, row: Fragment | None = None, tail: Fragment | None = None
    ) -> None:
        if self.rules is not None:
            self.rules.incomplete = True
        unit = {"head": head, "row": row, "tail": tail}[refused.part] or head
        at = unit.window_place(refused.hole) + unit.base - self._source.start
        self._add(refused.code, refused.fact, refused.help, at)  # before the window, in the head of a long statement

    def _unterminated(self, unit: Fragment | None) -> None:
        """A statement that the file ends in, or a row that the statement ends in."""
        begin = unit.begin if unit else self._lexer.at
        if self.rules is not None:
            self.rules.incomplete = True
        if unit and not unit.cut:
            if self._faults(unit.faults):
                self._faults([Fault("syntax", "a row without its closing parenthesis", begin, "close it")])
            return
        self._cut = True
        faults = unit.faults if unit else []
        endless = [fault for fault in faults if fault.code in ENDLESS]
        if self._source.bad is not None:
            self._faults([] if endless else faults)
        elif self._faults(endless or faults):
            self._faults(
                [Fault("cut", "a statement without its semicolon", begin, "the file is cut off: export again")]
            )

    def _rule(self, fault: RuleFault, unit: Fragment, plan: RowDecoder) -> None:
        self._effort.spend(ROW_FAULT)
        literal = plan.literal_of(fault.column)
        self._add(fault.code, fault.fact, fault.help, unit.begin if literal is None else unit.places[literal])

    def _add(self, code: str, fact: str, help_: str, at: int) -> None:
        self._effort.spend(FAULT)
        place = (0, 0) if self.findings.full else self._source.place(at)
        self.findings.add(code, fact, help_, place)
