"""What the rules over the rows of one file share: their values, and what they know of the rows so far.

Keys are kept as 16 bytes (a uuid) or 17 (a hash of anything else), so that memory is a small share of the file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.exportfile.row_decoder import Value


class RuleFault(NamedTuple):
    """A row, or the whole file, against the contract."""

    code: str
    message: str
    hint: str
    column: str = ""  # where in the row; empty: the row itself


Row = list[Value]
Name = tuple[str, bytes]  # of a row: its table, and what stands for its key
Check = Callable[[Row], Sequence[RuleFault]]


class DeferredRow(NamedTuple):
    """A shared row that a file names and does not hold."""

    values: tuple[str, ...]  # of its key, as text
    text: str  # the same for messages
    lengths: set[int]  # of the vectors that name it


@dataclass(slots=True)
class SequenceTracker:
    """Numbers seen of one contiguous column for one owner: all below ``next``, and some beyond."""

    next: int
    beyond: set[int] = field(default_factory=set)

    def add(self, number: int) -> None:
        """Note a number; one that was there already changes nothing."""
        if number != self.next:
            if number > self.next:
                self.beyond.add(number)
            return
        self.next += 1
        while self.beyond and self.next in self.beyond:
            self.beyond.discard(self.next)
            self.next += 1


def key_of(values: Sequence[Value]) -> bytes:
    """What stands for these values: one of 16 bytes itself, or a hash of 17, which no value can be made to equal."""
    if len(values) == 1 and values[0] is not None and len(values[0]) == 16:
        return values[0]
    parts = [b"\xff" if value is None else value for value in values]
    sizes = struct.pack(f">{len(parts)}q", *map(len, parts))
    return hashlib.blake2b(sizes + b"".join(parts), digest_size=17).digest()


def key_of_one(value: bytes) -> bytes:
    """The same for a key of one column that is not NULL."""
    return value if len(value) == 16 else key_of((value,))


class RuleState:
    """What is known of the rows of a file that were read so far.

    ``deferred`` collects references to shared rows that the file does not hold: they may stand in the target.
    """

    def __init__(self, contract: Contract, snapshot: Snapshot, *, connected: bool) -> None:
        self.contract = contract
        self.snapshot = snapshot
        self.connected = connected
        self.rows: dict[str, int] = dict.fromkeys(contract.tables, 0)
        self.keys: dict[str, dict[bytes, bytes | None]] = {name: {} for name in contract.tables}  # key -> its root
        self.roots: list[tuple[str, ...]] = []  # keys of the roots, each column as text
        self.dimensions: dict[bytes, int] = {}  # key of a shared row -> its column "dimensions"
        self.deferred: dict[tuple[str, bytes], DeferredRow] = {}  # by table and key
        self.holds_back = contract.limits.held_back > 0
        self.last_key: bytes | None = None  # of the row that was judged last
        # rows that this one must come after, with its fault where one never comes
        self.wanted: dict[Name, RuleFault | None] = {}
        self.held: set[Name] = set()  # rows that were read and wait for others
        # table, columns, root -> key of its shared row, and that key for messages
        self.choices: dict[tuple[str, tuple[str, ...], bytes | None], tuple[bytes, str]] = {}
        self.unique: dict[tuple[str, tuple[str, ...]], set[bytes]] = {}
        self.numbers: dict[tuple[str, str], dict[bytes, SequenceTracker]] = {}
        self._several = len(contract.root_tables) > 1
        self.incomplete = False  # rows were unreadable: what follows from their absence is not said

    def want(self, table: str, key: bytes, fault: RuleFault | None) -> bool:
        """Let the row wait for that one; False where rows do not wait: parents come first."""
        if self.holds_back and not self.incomplete:
            self.wanted[table, key] = fault
        return self.holds_back

    def root_of(self, table: str, key: bytes) -> bytes:
        """What stands for a root: its key, and where there are several tables of roots, its table, too."""
        return key_of((table.encode(), key)) if self._several else key
