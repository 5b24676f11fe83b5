"""The pieces of a file: heads, rows and tails of statements, each a shape with its literals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

PLAIN, ESCAPE, UNICODE, DOLLAR, INTEGER, DECIMAL = "plain", "escape", "unicode", "dollar", "integer", "decimal"


class NeedMore(Exception):
    """The window ends inside a token."""


@dataclass(slots=True)
class Fault:
    """Something that no accepted file holds, at a place in the window."""

    code: str
    fact: str
    at: int
    help: str


class Pattern(Protocol):
    """What a replayed unit is like."""

    meaning: object  # what the reader of units remembers of it

    def places(self, window: bytes, begin: int) -> tuple[list[int], list[tuple[int, int]]]:
        """Where the literals begin, and (place in the shape, place in the window) after each replaced piece."""


@dataclass(slots=True)
class Fragment:
    """A head, a row or a tail; places count in the window as it was when ``base`` was its place in the file."""

    kind: str  # "head", "row", "tail"
    shape: bytes
    kinds: Sequence[str]  # of its literals: PLAIN, ESCAPE, UNICODE, DOLLAR are strings, INTEGER, DECIMAL numbers
    holes: Sequence[int]  # where the placeholder of each literal stands in the shape
    texts: list[bytes]  # what each stands for; of a number its digits
    begin: int  # of the first byte that is no blank or comment
    end: int
    faults: list[Fault] = field(default_factory=list)
    starts: Sequence[int] = ()  # where each literal begins; of a replayed unit see places
    replaced: Sequence[tuple[int, int]] = ()  # likewise: see cuts
    rows_follow: bool = False  # a head before its first row
    ended: bool = True  # the statement's semicolon was reached
    base: int = 0
    pattern: tuple[Pattern, bytes] | None = None  # of a replayed unit: what it is like, and its window
    cut: bool = False  # the file ends inside it
    cost: int = 0  # of lexing it, in units of effort; 0 for a replayed one

    @property
    def places(self) -> Sequence[int]:
        """Where each literal begins."""
        return self.pattern[0].places(self.pattern[1], self.begin)[0] if self.pattern else self.starts

    @property
    def offset_map(self) -> Sequence[tuple[int, int]]:
        """(place in the shape, place in the window) after each replaced piece."""
        return self.pattern[0].places(self.pattern[1], self.begin)[1] if self.pattern else self.replaced

    def window_place(self, hole: int) -> int:
        """Where a byte of the shape stands in the window."""
        here, there = 0, self.begin
        for shape_at, window_at in self.offset_map:
            if shape_at > hole:
                break
            here, there = shape_at, window_at
        return there + hole - here
