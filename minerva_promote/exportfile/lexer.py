r"""Bytes become units: the head of a statement, its rows, its tail; each a shape with its literals.

A shape is the text of a unit with every constant replaced by a placeholder of the same kind and every comment by a
blank, so that a file of any size has only a handful of different shapes; :mod:`grammar` parses each once. Where blanks,
comments, strings and numbers begin and end is PostgreSQL's own lexer (src/backend/parser/scan.l, release 18).

Statement = head, row, row …, tail: a head ends before the first parenthesis after VALUES at depth 0. A statement
without such rows is a head alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from minerva_promote.exportfile.replay import KEPT, Template, statement_template, template_of
from minerva_promote.exportfile.source import Source
from minerva_promote.exportfile.tokens import BLANK, BLANKS, FEFF, feff
from minerva_promote.exportfile.units import Fault, NeedMore, Unit
from minerva_promote.exportfile.unitscan import UnitScan

_COMMENT = re.compile(rb"--[^\n\r]*")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


@dataclass(slots=True)
class Lexer:
    """Cuts the window of a source into units; ``at`` is where the next one begins."""

    source: Source
    on_comment: Callable[[bytes], None]  # every -- comment outside literals, without its line end
    at: int = 0
    _templates: dict[str, list[Template]] = field(
        default_factory=lambda: {"head": [], "row": [], "tail": [], "statement": []}
    )
    _statement_bytes: int = 0  # of the longest replayed statement
    _carried: list[Fault] = field(default_factory=list)  # from comments before a row's comma

    def next(self, kind: str) -> Unit | None:
        """The next unit; None when only blanks and comments are left. Grows the window as needed."""
        while True:
            at_end = self.source.ended
            try:
                unit = self._replayed(kind) or self._unit(kind, at_end)
            except NeedMore:
                grown = self.source.grow(self.at)
                self.at = 0
                if not grown and not self.source.ended:
                    return self._too_long(kind)
                continue
            if unit is not None:
                if unit.end - self.at > self.source.limit:
                    return self._too_long(kind)
                self.at = unit.end
                unit.base = self.source.start
                for fault in self._carried:
                    fault.at -= self.source.start
                unit.faults[:0] = self._carried
                self._carried = []
            return unit

    def _replayed(self, kind: str) -> Unit | None:
        """The next unit when it is like one before it and no comment stands before it."""
        window = self.source.window
        match = BLANK.match(window, self.at)
        begin = match.end() if match else self.at
        templates = self._templates[kind]
        for number, template in enumerate(templates):
            unit = template.match(window, begin)
            if unit is not None:
                if window.find(b"--", self.at, begin) >= 0:
                    self._comments(window, self.at, begin, True, unit.faults)
                if number:
                    templates.insert(0, templates.pop(number))
                return unit
        return None

    def replayed_statement(self) -> tuple[Unit, object] | None:
        """The row of the next statement, and its meaning, when that has one row and is like one that was learnt."""
        unit = self._replayed("statement")
        if unit is None and self._refilled():
            unit = self._replayed("statement")
        if unit is None or unit.end - self.at > self.source.limit:
            return None
        self._statement_bytes = max(self._statement_bytes, unit.end - self.at)
        self.at = unit.end
        unit.base = self.source.start
        assert unit.trace
        return unit, unit.trace[0].meaning

    def _refilled(self) -> bool:
        """Grow a window that may end inside the next statement, so that it need not be lexed up to there first."""
        source = self.source
        left = len(source.window) - self.at
        if source.ended or not self._templates["statement"] or left > 2 * self._statement_bytes:
            return False
        grown = source.grow(self.at)
        self.at = 0
        return grown

    def learn_statement(self, head: Unit, row: Unit, tail: Unit, meaning: object) -> None:
        """Remember a faultless statement of one row, which has just been read, and what it means."""
        if head.base == row.base == tail.base == self.source.start:
            template = statement_template(self.source.window, head, row, tail)
            if template is not None:
                template.meaning = meaning
                self._templates["statement"].insert(0, template)
                del self._templates["statement"][KEPT:]

    def _learn(self, unit: Unit) -> None:
        template = template_of(self.source.window, unit)
        if template is not None:
            self._templates[unit.kind].insert(0, template)
            del self._templates[unit.kind][KEPT:]

    def next_is_row(self) -> bool:
        """After a row: True when a comma and another row follow; the comma is consumed."""
        while True:
            faults: list[Fault] = []
            at_end = self.source.ended
            try:
                after = self._skip(self.at, at_end, faults)
                if after == len(self.source.window) and not at_end:
                    raise NeedMore
            except NeedMore:
                grown = self.source.grow(self.at)
                self.at = 0
                if not grown and not self.source.ended:
                    return False
                continue
            if self.source.window[after : after + 1] != b",":
                return False
            for fault in faults:
                fault.at += self.source.start
            self._carried = faults
            self.at = after + 1
            return True

    def _too_long(self, kind: str) -> Unit:
        self.source.ended = True
        limit = self.source.limit
        fault = Fault(
            "too-long",
            f"a row or statement of more than {limit:,} bytes begins here",
            len(self.source.window) - len(self.source.window[self.at :].lstrip(BLANKS)),
            "close its quotes, or raise contract.limits.row_bytes in promote.yaml",
        )
        self.at = len(self.source.window)
        return Unit(kind, b"", (), (), [], fault.at, self.at, [fault], ended=False, base=self.source.start, cut=True)

    def _skip(self, at: int, at_end: bool, faults: list[Fault] | None) -> int:
        """Past blanks and comments; comments are handed on only with ``faults``, that is once."""
        window = self.source.window
        while True:
            match = BLANK.match(window, at)
            assert match
            if faults is not None and match.end() > at:
                self._comments(window, at, match.end(), at_end, faults)
            at = match.end()
            if window.startswith(b"/*", at):
                at = self.block_comment(window, at, at_end, faults)
            elif window[at : at + 1] in (b"/", b"-") and at + 1 == len(window) and not at_end:
                raise NeedMore
            else:
                return at

    def _comments(self, window: bytes, begin: int, end: int, at_end: bool, faults: list[Fault]) -> None:
        if window.find(b"--", begin, end) < 0:
            return
        if end == len(window) and not at_end:
            raise NeedMore
        for match in _COMMENT.finditer(window[begin:end]):
            self.check_comment(match.group(), begin + match.start(), faults)
            self.on_comment(match.group())

    @staticmethod
    def check_comment(text: bytes, at: int, faults: list[Fault]) -> None:
        found = text.find(FEFF)
        if found >= 0:
            faults.append(feff(at + found))

    def block_comment(self, window: bytes, at: int, at_end: bool, faults: list[Fault] | None) -> int:
        depth, place = 1, at + 2
        while depth:
            edge = _COMMENT_EDGE.search(window, place)
            if edge is None:
                if not at_end:
                    raise NeedMore
                if faults is not None:
                    faults.append(
                        Fault("unterminated", "a /* comment that is never closed begins here", at, "close it with */")
                    )
                return len(window)
            depth += 1 if edge.group() == b"/*" else -1
            place = edge.end()
        if faults is not None:
            self.check_comment(window[at:place], at, faults)
        return place

    def _unit(self, kind: str, at_end: bool) -> Unit | None:
        window = self.source.window
        faults: list[Fault] = []
        begin = self._skip(self.at, at_end, faults)
        if begin == len(window):
            if not at_end:
                raise NeedMore
            return None if not faults else Unit(kind, b"", (), (), [], begin, begin, faults, ended=False, cut=True)
        unit = UnitScan(self, kind, begin, at_end, faults).run()
        self._learn(unit)
        return unit
