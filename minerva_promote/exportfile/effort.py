"""A bound on the work that a file may cause besides its rows, so that reading any file takes time linear in its size.

Rows that are accepted cost what their bytes cost. Everything else (faults, statements that are no INSERT, comments
between values, shapes never seen before) is charged by an estimate, in units of about a microsecond, against an
allowance that grows with the bytes read. A file that spends more is not read to its end: it is refused in any case, or
it is nothing that an exporter writes.
"""

from __future__ import annotations

from minerva_promote.exportfile.fragments import Fault

FREE_BYTES = 32  # bytes of the file that allow one more unit
TOKEN = 2
ESCAPES = 20  # decoding those of one string
FRAGMENT = 4  # a head, a row or a tail that is lexed
STATEMENT = 8  # one that is not a repetition of the one before it
FAULT = 5
PARSE = 250  # by PostgreSQL's grammar
ROW_FAULT = 25  # a row that breaks a rule, which was read first
BUILD_DECODER = 150  # a shape that is bound to its columns for the first time
FREE_COST = 100  # of the head and the tail of an accepted statement
FREE_TOKENS = 24  # of an accepted row, besides twelve for every constant


def too_costly(offset: int) -> Fault:
    """The fault of the place where reading stops."""
    return Fault(
        "too-costly",
        "reading stops here: what the file holds costs far more work than its size allows",
        offset,
        "it looks like no export; if it is one, raise contract.limits.work in promote.yaml",
    )


class Effort:
    """What was spent of the allowance."""

    def __init__(self, base: int) -> None:
        self.base = base  # allowed for a file of any size
        self.spent = 0

    def spend(self, units: int) -> None:
        """Charge this much work."""
        self.spent += units

    def refund(self, units: int) -> None:
        """Take back what was charged for something that turned out to be a row."""
        self.spent -= units

    def left(self, offset: int) -> int:
        """What may still be spent when so many bytes of the file have been read."""
        return self.base + offset // FREE_BYTES - self.spent
