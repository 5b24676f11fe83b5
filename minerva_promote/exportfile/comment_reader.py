"""What the scan of one piece of a file needs of the lexer that cuts the file into pieces."""

from __future__ import annotations

from typing import Protocol

from minerva_promote.exportfile.byte_window import Source
from minerva_promote.exportfile.effort import Effort
from minerva_promote.exportfile.fragments import Fault


class CommentReader(Protocol):
    """What a scan needs of the lexer that it belongs to: the file, its allowance, and what comments are read with."""

    source: Source
    effort: Effort

    def comment(self, text: bytes) -> None:
        """Take a -- comment."""

    @staticmethod
    def check_comment(text: bytes, at: int, faults: list[Fault]) -> None:
        """Add what no comment may hold to the faults."""

    def block_comment(self, window: bytes, at: int, at_end: bool, faults: list[Fault] | None) -> int:
        """Where the block comment at this place ends."""
