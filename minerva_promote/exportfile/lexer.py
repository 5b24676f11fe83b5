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

from minerva_promote.exportfile.byte_window import Source
from minerva_promote.exportfile.effort import FAULT, Effort, too_costly
from minerva_promote.exportfile.fragment_cache import KEPT, FragmentPattern, statement_template, template_of
from minerva_promote.exportfile.fragments import Fault, Fragment, NeedMore
from minerva_promote.exportfile.token_patterns import BLANK, BLANKS, EMPTY, FEFF, WHOLE_COMMENTS, feff
from minerva_promote.exportfile.tokenizer import UnitScan

SEEN = 64  # shapes
MOST_COMMENTS = 1000  # what describes a file stands at its beginning

_COMMENT = re.compile(rb"--[^\n\r]*")
_COMMENT_END = re.compile(rb"[\n\r]|\*/")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


@dataclass(slots=True)
class Lexer:
    """Cuts the window of a source into units; ``at`` is where the next one begins."""

    source: Source
    on_comment: Callable[[bytes], None]  # the first -- comments outside literals, each without its line end
    effort: Effort
    at: int = 0
    _templates: dict[str, list[FragmentPattern]] = field(
        default_factory=lambda: {"head": [], "row": [], "tail": [], "statement": []}
    )
    _seen: dict[tuple[bytes, ...], None] = field(default_factory=dict)  # shapes of the last units that were lexed
    _statement_bytes: int = 0  # of the longest replayed statement
    comments: int = MOST_COMMENTS  # so many more are handed to on_comment
    _carried: list[Fault] = field(default_factory=list)  # from comments before a row's comma

    def next(self, kind: str) -> Fragment | None:
        """The next unit; None when only blanks and comments are left. Grows the window as needed."""
        while True:
            at_end = self.source.ended
            begin = self._blanks_end()
            try:
                unit = self._replayed(kind, begin) or self._unit(kind, at_end, begin)
            except NeedMore:
                if begin == len(self.source.window):
                    self._pass_lines()
                grown = self.source.grow(self.at)
                self.at = 0
                if not grown and not self.source.ended:
                    return self._too_long(kind)
                continue
            if unit is not None:
                if unit.end - self.at > self.source.limit:
                    return self._too_long(kind)
                self.at = unit.end
                self.effort.spend(unit.cost)
                unit.base = self.source.start
                for fault in self._carried:
                    fault.at -= self.source.start
                unit.faults[:0] = self._carried
                self._carried = []
            return unit

    def _blanks_end(self) -> int:
        match = BLANK.match(self.source.window, self.at)
        return match.end() if match else self.at

    def _pass_lines(self) -> None:
        """Past the blanks and whole comments of a window that holds nothing else, so that they are not read again."""
        window = self.source.window
        match = WHOLE_COMMENTS.match(window, self.at)
        end = match.end() if match else self.at
        if end > self.at:
            faults: list[Fault] = []
            self._comments(window, self.at, end, True, faults)
            for fault in faults:
                fault.at += self.source.start
            self._carried += faults
            self.at = end

    def _replayed(self, kind: str, begin: int) -> Fragment | None:
        """The next unit when it is like one before it and no comment stands before it."""
        window = self.source.window
        templates = self._templates[kind]
        for number, template in enumerate(templates):
            unit = template.match(window, begin)
            if unit is not None:
                if begin > self.at:
                    self._comments(window, self.at, begin, True, unit.faults)
                if number:
                    templates.insert(0, templates.pop(number))
                return unit
        return None

    def replayed_statement(self) -> tuple[Fragment, object] | None:
        """The row of the next statement, and its meaning, when that has one row and is like one that was learnt."""
        if not self._templates["statement"]:
            return None
        unit = self._replayed("statement", self._blanks_end())
        if unit is None and self._refilled():
            unit = self._replayed("statement", self._blanks_end())
        if unit is None or unit.end - self.at > self.source.limit:
            return None
        self._statement_bytes = max(self._statement_bytes, unit.end - self.at)
        self.at = unit.end
        unit.base = self.source.start
        assert unit.pattern
        return unit, unit.pattern[0].meaning

    def _refilled(self) -> bool:
        """Grow a window that may end inside the next statement, so that it need not be lexed up to there first."""
        source = self.source
        left = len(source.window) - self.at
        if source.ended or not self._templates["statement"] or left > 2 * self._statement_bytes:
            return False
        grown = source.grow(self.at)
        self.at = 0
        return grown

    def learn_statement(self, head: Fragment, row: Fragment, tail: Fragment, meaning: object) -> None:
        """Remember a faultless statement of one row, which has just been read, and what it means."""
        if head.base == row.base == tail.base == self.source.start and self._is_seen(
            (head.shape, row.shape, tail.shape)
        ):
            template = statement_template(self.source.window, head, row, tail)
            if template is not None:
                template.meaning = meaning
                self._templates["statement"].insert(0, template)
                del self._templates["statement"][KEPT:]

    def skip_empty(self) -> None:
        """Past empty statements, where they are no fault."""
        if match := EMPTY.match(self.source.window, self.at):
            self.at = match.end()

    def stop(self) -> Fault:
        """Read no further."""
        self.source.ended = True
        fault = too_costly(self.at)
        self.at = len(self.source.window)
        return fault

    def _is_seen(self, shapes: tuple[bytes, ...]) -> bool:
        """Whether these came before: what does not come again costs more to learn than it saves."""
        known = shapes in self._seen
        self._seen[shapes] = None
        if len(self._seen) > SEEN:
            del self._seen[next(iter(self._seen))]
        return known

    def _learn(self, unit: Fragment) -> None:
        if not self._is_seen((unit.shape,)):
            return
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

    def _too_long(self, kind: str) -> Fragment:
        self.source.ended = True
        limit = self.source.limit
        fault = Fault(
            "too-long",
            f"a row or statement of more than {limit:,} bytes begins here",
            len(self.source.window) - len(self.source.window[self.at :].lstrip(BLANKS)),
            "close its quotes, or raise contract.limits.row_bytes in promote.yaml",
        )
        self.at = len(self.source.window)
        return Fragment(
            kind, b"", (), (), [], fault.at, self.at, [fault], ended=False, base=self.source.start, cut=True
        )

    def _skip(self, at: int, at_end: bool, faults: list[Fault] | None, blanks: int = -1) -> int:
        """Past blanks and comments; comments are handed on only with ``faults``, that is once."""
        window = self.source.window
        while True:
            match = None if blanks >= 0 else BLANK.match(window, at)
            end = match.end() if match else blanks
            blanks = -1
            if faults is not None and end > at:
                self._comments(window, at, end, at_end, faults)
            at = end
            if window.startswith(b"/*", at):
                at = self.block_comment(window, at, at_end, faults)
            elif window[at : at + 1] in (b"/", b"-") and at + 1 == len(window) and not at_end:
                raise NeedMore
            else:
                return at

    def _comments(self, window: bytes, begin: int, end: int, at_end: bool, faults: list[Fault]) -> None:
        mark = window.find(FEFF, begin, end)
        if mark < 0 and window.find(b"--", begin, end) < 0:
            return
        if end == len(window) and not at_end:
            raise NeedMore
        while mark >= 0 and self.effort.left(self.source.start + mark) >= 0:  # once a comment
            faults.append(feff(mark))
            self.effort.spend(FAULT)
            behind = _COMMENT_END.search(window, mark, end)
            mark = window.find(FEFF, behind.end(), end) if behind else -1
        place = begin
        while self.comments > 0 and (match := _COMMENT.search(window, place, end)):
            self.comment(match.group())
            place = match.end()

    def comment(self, text: bytes) -> None:
        """Hand a -- comment on, as long as that is wanted."""
        if self.comments > 0:
            self.comments -= 1
            self.on_comment(text)

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
            if depth:
                self.effort.spend(1)
            if depth and self.effort.left(self.source.start + place) < 0:
                return self._stopped(window, place, faults)
        if faults is not None:
            self.check_comment(window[at:place], at, faults)
        return place

    def _stopped(self, window: bytes, at: int, faults: list[Fault] | None) -> int:
        if faults is not None:
            faults.append(too_costly(at))
        self.source.ended = True
        return len(window)

    def _unit(self, kind: str, at_end: bool, begin: int) -> Fragment | None:
        window = self.source.window
        faults: list[Fault] = []
        begin = self._skip(self.at, at_end, faults, begin)
        if begin == len(window):
            if not at_end:
                raise NeedMore
            return None if not faults else Fragment(kind, b"", (), (), [], begin, begin, faults, ended=False, cut=True)
        unit = UnitScan(self, kind, begin, at_end, faults).run()
        self._learn(unit)
        return unit
