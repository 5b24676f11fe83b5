"""Comments of a file: where they end, what none may hold, and the ``--`` comments of its header."""

from __future__ import annotations

import re
from collections.abc import Callable

from minerva_promote.exportfile.byte_window import ByteWindow
from minerva_promote.exportfile.effort import FAULT, Effort, too_costly
from minerva_promote.exportfile.fragments import Fault, NeedMore
from minerva_promote.exportfile.token_patterns import BLANK, FEFF, byte_order_mark

MAX_HEADER_COMMENTS = 1000  # the comments that describe a file are at its beginning

_COMMENT = re.compile(rb"--[^\n\r]*")
_COMMENT_END = re.compile(rb"[\n\r]|\*/")
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


class CommentReader:
    """Reads comments; hands the first ``--`` comments outside literals on, each without its line end."""

    def __init__(self, source: ByteWindow, effort: Effort, on_comment: Callable[[bytes], None]) -> None:
        self.source = source
        self.effort = effort
        self.on_comment = on_comment
        self.remaining = MAX_HEADER_COMMENTS  # comments that are still handed on

    def hand_on(self, text: bytes) -> None:
        """Hand a ``--`` comment on, unless enough have been."""
        if self.remaining > 0:
            self.remaining -= 1
            self.on_comment(text)

    @staticmethod
    def check(text: bytes, offset: int, faults: list[Fault]) -> None:
        """Add a fault for a byte-order mark in the comment at this offset."""
        mark = text.find(FEFF)
        if mark >= 0:
            faults.append(byte_order_mark(offset + mark))

    def skip(self, offset: int, at_end: bool, faults: list[Fault] | None, blanks_end: int = -1) -> int:
        """The offset after blanks and comments; ``blanks_end`` is known already where the first blanks end.

        Comments are handed on and checked only with ``faults``: once. Raises NeedMore.
        """
        window = self.source.window
        while True:
            match = None if blanks_end >= 0 else BLANK.match(window, offset)
            end = match.end() if match else blanks_end
            blanks_end = -1
            if faults is not None and end > offset:
                self.read_between(offset, end, at_end, faults)
            offset = end
            if window.startswith(b"/*", offset):
                offset = self.skip_block(offset, at_end, faults)
            elif window[offset : offset + 1] in (b"/", b"-") and offset + 1 == len(window) and not at_end:
                raise NeedMore
            else:
                return offset

    def read_between(self, begin: int, end: int, at_end: bool, faults: list[Fault]) -> None:
        """Check and hand on the comments of a piece of the window that holds nothing else. Raises NeedMore."""
        window = self.source.window
        mark = window.find(FEFF, begin, end)
        if mark < 0 and window.find(b"--", begin, end) < 0:
            return
        if end == len(window) and not at_end:
            raise NeedMore
        while mark >= 0 and self.effort.left(self.source.start + mark) >= 0:  # once a comment
            faults.append(byte_order_mark(mark))
            self.effort.spend(FAULT)
            comment_end = _COMMENT_END.search(window, mark, end)
            mark = window.find(FEFF, comment_end.end(), end) if comment_end else -1
        offset = begin
        while self.remaining > 0 and (match := _COMMENT.search(window, offset, end)):
            self.hand_on(match.group())
            offset = match.end()

    def skip_block(self, begin: int, at_end: bool, faults: list[Fault] | None) -> int:
        """The offset after the block comment at this offset; they nest. Raises NeedMore."""
        window = self.source.window
        depth, offset = 1, begin + 2
        while depth:
            edge = _COMMENT_EDGE.search(window, offset)
            if edge is None:
                if not at_end:
                    raise NeedMore
                if faults is not None:
                    message = "a /* comment that is never closed begins here"
                    faults.append(Fault("unterminated", message, begin, "close it with */"))
                return len(window)
            depth += 1 if edge.group() == b"/*" else -1
            offset = edge.end()
            if depth:
                self.effort.spend(1)
            if depth and self.effort.left(self.source.start + offset) < 0:
                if faults is not None:
                    faults.append(too_costly(offset))
                self.source.ended = True
                return len(window)
        if faults is not None:
            self.check(window[begin:offset], begin, faults)
        return offset
