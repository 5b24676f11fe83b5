r"""Bytes become fragments: the head of a statement, its rows, its tail; each a shape with its literals.

A shape is the text of a fragment with every constant replaced by a placeholder of the same kind and every comment by a
blank, so that a file of any size has only a handful of different shapes; :mod:`insert_parser` parses each once. Blanks,
comments, strings and numbers are those of PostgreSQL's own lexer (src/backend/parser/scan.l, release 18).

Statement = head, row, row …, tail: a head ends before the first parenthesis after VALUES at depth 0. A statement
without such rows is a head alone.
"""

from __future__ import annotations

from collections.abc import Callable

from minerva_promote.exportfile.byte_window import ByteWindow
from minerva_promote.exportfile.comments import CommentReader
from minerva_promote.exportfile.effort import Effort, too_costly
from minerva_promote.exportfile.fragment_cache import (
    MAX_PATTERNS,
    FragmentPattern,
    build_pattern,
    build_statement_pattern,
)
from minerva_promote.exportfile.fragments import Fault, Fragment, NeedMore
from minerva_promote.exportfile.token_patterns import BLANK, BLANKS, EMPTY, WHOLE_COMMENTS
from minerva_promote.exportfile.tokenizer import Tokenizer

MAX_SEEN_SHAPES = 64


class Lexer:
    """Cuts the window of a file into fragments; ``offset`` is where the next one begins in the window.

    ``on_comment`` takes the first ``--`` comments outside literals, each without its line end.
    """

    __slots__ = (
        "_pattern_lists",
        "_pending_faults",
        "_seen",
        "_statement_bytes",
        "comments",
        "effort",
        "offset",
        "source",
    )

    def __init__(self, source: ByteWindow, on_comment: Callable[[bytes], None], effort: Effort) -> None:
        self.source = source
        self.effort = effort
        self.comments = CommentReader(source, effort, on_comment)
        self.offset = 0
        self._pattern_lists: dict[str, list[FragmentPattern]] = {"head": [], "row": [], "tail": [], "statement": []}
        self._seen: dict[tuple[bytes, ...], None] = {}  # shapes of the last fragments that were lexed
        self._statement_bytes = 0  # of the longest cached statement
        self._pending_faults: list[Fault] = []  # of comments before a row's comma; offsets in the file

    def next_fragment(self, kind: str) -> Fragment | None:
        """The next fragment; None when only blanks and comments are left. Grows the window as needed."""
        while True:
            at_end = self.source.ended
            begin = self._blanks_end()
            try:
                fragment = self._match_pattern(kind, begin) or self._lex(kind, at_end, begin)
            except NeedMore:
                if begin == len(self.source.window):
                    self._skip_comment_lines()
                grown = self.source.grow(self.offset)
                self.offset = 0
                if not grown and not self.source.ended:
                    return self._skip_too_long(kind)
                continue
            if fragment is not None:
                if fragment.end - self.offset > self.source.limit:
                    return self._skip_too_long(kind)
                self.offset = fragment.end
                self.effort.spend(fragment.cost)
                fragment.base = self.source.start
                for fault in self._pending_faults:
                    fault.offset -= self.source.start
                fragment.faults[:0] = self._pending_faults
                self._pending_faults = []
            return fragment

    def _blanks_end(self) -> int:
        match = BLANK.match(self.source.window, self.offset)
        return match.end() if match else self.offset

    def _skip_comment_lines(self) -> None:
        """Skip blanks and whole comments of a window that holds nothing else, so that they are not read again."""
        window = self.source.window
        match = WHOLE_COMMENTS.match(window, self.offset)
        end = match.end() if match else self.offset
        if end > self.offset:
            faults: list[Fault] = []
            self.comments.read_between(self.offset, end, True, faults)
            for fault in faults:
                fault.offset += self.source.start
            self._pending_faults += faults
            self.offset = end

    def _match_pattern(self, kind: str, begin: int) -> Fragment | None:
        """The next fragment when it matches a pattern; comments before it are handed on."""
        window = self.source.window
        patterns = self._pattern_lists[kind]
        for index, pattern in enumerate(patterns):
            fragment = pattern.match(window, begin)
            if fragment is not None:
                if begin > self.offset:
                    self.comments.read_between(self.offset, begin, True, fragment.faults)
                if index:
                    patterns.insert(0, patterns.pop(index))
                return fragment
        return None

    def cached_statement(self) -> tuple[Fragment, object] | None:
        """The row of the next statement and its decoder, when the statement matches one that was remembered."""
        if not self._pattern_lists["statement"]:
            return None
        fragment = self._match_pattern("statement", self._blanks_end())
        if fragment is None and self._grow_for_statement():
            fragment = self._match_pattern("statement", self._blanks_end())
        if fragment is None or fragment.end - self.offset > self.source.limit:
            return None
        self._statement_bytes = max(self._statement_bytes, fragment.end - self.offset)
        self.offset = fragment.end
        fragment.base = self.source.start
        assert fragment.pattern
        return fragment, fragment.pattern[0].decoder

    def _grow_for_statement(self) -> bool:
        """Grow a window that may end inside the next statement, so that it is not lexed in vain; True when it grew."""
        source = self.source
        left = len(source.window) - self.offset
        if source.ended or not self._pattern_lists["statement"] or left > 2 * self._statement_bytes:
            return False
        grown = source.grow(self.offset)
        self.offset = 0
        return grown

    def remember_statement(self, head: Fragment, row: Fragment, tail: Fragment, decoder: object) -> None:
        """Remember a faultless statement of one row, which has just been read, and the decoder of its row."""
        if head.base == row.base == tail.base == self.source.start and self._was_seen(
            (head.shape, row.shape, tail.shape)
        ):
            pattern = build_statement_pattern(self.source.window, head, row, tail)
            if pattern is not None:
                pattern.decoder = decoder
                self._pattern_lists["statement"].insert(0, pattern)
                del self._pattern_lists["statement"][MAX_PATTERNS:]

    def skip_empty(self) -> None:
        """Skip empty statements, where they are no fault."""
        if match := EMPTY.match(self.source.window, self.offset):
            self.offset = match.end()

    def stop_too_costly(self) -> Fault:
        """Move to the end, so that nothing more is read; returns the fault that says so."""
        self.source.ended = True
        fault = too_costly(self.offset)
        self.offset = len(self.source.window)
        return fault

    def _was_seen(self, shapes: tuple[bytes, ...]) -> bool:
        """Whether these shapes occurred lately: a pattern of what does not recur costs more than it saves."""
        is_known = shapes in self._seen
        self._seen[shapes] = None
        if len(self._seen) > MAX_SEEN_SHAPES:
            del self._seen[next(iter(self._seen))]
        return is_known

    def _remember(self, fragment: Fragment) -> None:
        if not self._was_seen((fragment.shape,)):
            return
        pattern = build_pattern(self.source.window, fragment)
        if pattern is not None:
            self._pattern_lists[fragment.kind].insert(0, pattern)
            del self._pattern_lists[fragment.kind][MAX_PATTERNS:]

    def next_is_row(self) -> bool:
        """After a row: True when a comma and another row follow; the comma is consumed."""
        while True:
            faults: list[Fault] = []
            at_end = self.source.ended
            try:
                after = self.comments.skip(self.offset, at_end, faults)
                if after == len(self.source.window) and not at_end:
                    raise NeedMore
            except NeedMore:
                grown = self.source.grow(self.offset)
                self.offset = 0
                if not grown and not self.source.ended:
                    return False
                continue
            if self.source.window[after : after + 1] != b",":
                return False
            for fault in faults:
                fault.offset += self.source.start
            self._pending_faults = faults
            self.offset = after + 1
            return True

    def _skip_too_long(self, kind: str) -> Fragment:
        self.source.ended = True
        limit = self.source.limit
        fault = Fault(
            "too-long",
            f"a row or statement of more than {limit:,} bytes begins here",
            len(self.source.window) - len(self.source.window[self.offset :].lstrip(BLANKS)),
            "close its quotes, or raise contract.limits.row_bytes in promote.yaml",
        )
        self.offset = len(self.source.window)
        return Fragment(
            kind,
            b"",
            (),
            (),
            [],
            fault.offset,
            self.offset,
            [fault],
            ended=False,
            base=self.source.start,
            truncated=True,
        )

    def _lex(self, kind: str, at_end: bool, begin: int) -> Fragment | None:
        window = self.source.window
        faults: list[Fault] = []
        begin = self.comments.skip(self.offset, at_end, faults, begin)
        if begin == len(window):
            if not at_end:
                raise NeedMore
            return (
                None
                if not faults
                else Fragment(kind, b"", (), (), [], begin, begin, faults, ended=False, truncated=True)
            )
        fragment = Tokenizer(self.comments, kind, begin, at_end, faults).tokenize()
        self._remember(fragment)
        return fragment
