"""The fragments of a file (heads, rows and tails of statements), each a shape with its literals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

PLAIN, ESCAPE, UNICODE, DOLLAR, INTEGER, DECIMAL = "plain", "escape", "unicode", "dollar", "integer", "decimal"


class NeedMore(Exception):
    """The window ends inside a token."""


@dataclass(slots=True)
class Fault:
    """Something that no accepted file holds, with its offset in the window."""

    code: str
    message: str
    offset: int
    hint: str


class Pattern(Protocol):
    """What a cached fragment was matched with."""

    decoder: object  # set for whole statements: what the reader of fragments stored with the pattern

    def offsets(self, window: bytes, begin: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Literal offsets and offset map of the fragment that was matched at ``begin``, see Fragment."""


@dataclass(slots=True)
class Fragment:
    """A head, a row or a tail; offsets count in the window as it was when ``base`` was its offset in the file."""

    kind: str  # "head", "row", "tail"
    shape: bytes  # the text with a placeholder for every literal and a blank for every comment
    kinds: Sequence[str]  # of its literals: PLAIN, ESCAPE, UNICODE, DOLLAR strings, INTEGER, DECIMAL numbers
    placeholder_offsets: Sequence[int]  # of each literal's placeholder in the shape
    texts: list[bytes]  # the decoded value of each string, the digits of each number
    begin: int  # of the first byte that is no blank or comment
    end: int
    faults: list[Fault] = field(default_factory=list)
    lexed_offsets: Sequence[int] = ()  # of a lexed fragment: see literal_offsets
    lexed_offset_map: Sequence[tuple[int, int]] = ()  # of a lexed fragment: see offset_map
    rows_follow: bool = False  # a head before its first row
    ended: bool = True  # the statement's semicolon was reached
    base: int = 0
    pattern: tuple[Pattern, bytes] | None = None  # of a cached fragment: what it was matched with, and its window
    truncated: bool = False  # the file ends inside it
    cost: int = 0  # of lexing it, in units of effort; 0 for a cached one

    @property
    def literal_offsets(self) -> Sequence[int]:
        """The offset in the window of each literal, quotes and prefixes included."""
        return self.pattern[0].offsets(self.pattern[1], self.begin)[0] if self.pattern else self.lexed_offsets

    @property
    def offset_map(self) -> Sequence[tuple[int, int]]:
        """(offset in the shape, offset in the window) after each replaced literal or comment."""
        return self.pattern[0].offsets(self.pattern[1], self.begin)[1] if self.pattern else self.lexed_offset_map

    def window_offset(self, shape_offset: int) -> int:
        """The offset in the window of a byte of the shape."""
        last_shape, last_window = 0, self.begin
        for shape_end, window_end in self.offset_map:
            if shape_end > shape_offset:
                break
            last_shape, last_window = shape_end, window_end
        return last_window + shape_offset - last_shape
